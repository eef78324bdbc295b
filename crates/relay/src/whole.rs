//! How a whole answer travels down: stamped, recorded, sent.

use crate::attempt::WholeAnswer;
use crate::call::ReplyHead;
use crate::draft::cost_text;
use crate::money::ending::Break;
use crate::relay::{Relay, Underway};

/// Records a whole answer and sends it: the record is readable before the caller sees the answer.
pub(crate) async fn deliver(
    relay: &Relay,
    mut answer: WholeAnswer,
    head: ReplyHead,
    way: &mut Underway<'_>,
) {
    let metadata = way.metadata();
    let generation = way.draft.completed(&answer.meter, &relay.parts);
    let cost = cost_text(&generation);
    let stamped = answer.tap.write_whole(&generation.usage, &cost);
    match stamped {
        Ok(body) => {
            let body = metadata.map_or(body.clone(), |metadata| metadata.put_into(&body));
            relay.settle(way.reserved.take(), generation).await;
            // A caller that leaves now has been served; the record says so.
            let _ = way.door.send_whole(head, body);
        }
        Err(error) => {
            tracing::error!(generation.id = %way.call.id, %error, "an answer that was read could not be stamped");
            relay
                .settle(
                    way.reserved.take(),
                    way.draft
                        .broken(&answer.meter, &error, (Break::Reported, &relay.parts)),
                )
                .await;
            way.door.refuse(error);
        }
    }
}
