//! Money: prices, costs, and the record of what a call was and cost.
