//! The arguments of every command.

use std::net::SocketAddr;
use std::path::PathBuf;

use chat::Dialect;
use clap::{Args, Parser, Subcommand, ValueEnum};
use store::{LimitReset, Month};

use super::content_arguments::ContentArguments;

/// Waybill: an LLM router of your own, with OpenRouter's API.
#[derive(Debug, Parser)]
#[command(name = "waybill", version, arg_required_else_help = true)]
pub struct Arguments {
    /// For whom the log is written (overrides the configuration)
    #[arg(long, global = true, value_name = "FORM")]
    pub log: Option<LogArgument>,
    #[command(subcommand)]
    /// What to do.
    pub command: Command,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogArgument {
    /// Lines for people
    Human,
    /// One JSON object per line
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server
    Serve(ServeArguments),
    /// Validate configuration and catalog, and list the providers
    Check(CheckArguments),
    /// Make and manage keys
    Key(KeyArguments),
    /// Let yourself into the console
    Console(ConsoleArguments),
    /// Limit what keys, workspaces, users and others may spend
    Budget(BudgetArguments),
    /// Grant, refund and charge credits of workspaces, for prepaid billing
    Credits(CreditsArguments),
    /// Verify the books, and print what was spent
    Ledger(LedgerArguments),
    /// Recount what was counted of calls, and drop the records of old months
    Records(RecordsArguments),
    /// Show or delete the content of calls, and wrap its keys anew
    Content(ContentArguments),
    /// Show or update the catalog of models
    Catalog(CatalogArguments),
    /// Explain a routing decision without making the call
    Plan(PlanArguments),
    /// Start the server with simulated providers, to try every feature without a credential
    #[cfg(feature = "demo")]
    Demo(DemoArguments),
}

/// Where the configuration is, and what overrides it.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The configuration file (default: $WAYBILL_CONFIG, or waybill.toml if it is there)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the embedded database lives (overrides server.data_dir)
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// `waybill serve`
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// Address and port to listen on; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// `waybill check`
#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// Also ask every provider that has a credential whether it answers
    #[arg(long)]
    pub live: bool,
}

/// `waybill key`
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// What to do with keys.
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; prints the key and nothing else
    Create(KeyCreateArguments),
    /// List the keys
    List(Place),
    /// Switch a key off
    Disable(KeyNameArguments),
    /// Delete a key
    Delete(KeyNameArguments),
}

/// `waybill key create`
#[derive(Debug, Args)]
pub struct KeyCreateArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// For administration instead of calls
    #[arg(long)]
    pub management: bool,
    /// The most it may spend, in USD
    #[arg(long, value_name = "USD", value_parser = crate::money::read_usd_text)]
    pub limit: Option<ledger::Amount>,
    /// When its spending starts anew
    #[arg(long, value_name = "PERIOD", requires = "limit")]
    pub reset: Option<Reset>,
    /// When it stops working, such as 2027-12-31T23:59:59Z
    #[arg(long, value_name = "TIME", value_parser = crate::time::read_utc)]
    pub expires: Option<i64>,
    /// The workspace that pays (default: the default workspace)
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
}

/// `waybill console`
#[derive(Debug, Args)]
pub struct ConsoleArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ConsoleCommand,
}

/// What to do about the console.
#[derive(Debug, Subcommand)]
pub enum ConsoleCommand {
    /// Print a link that signs in once, within an hour
    Link(Place),
}

/// When the spending of a key starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reset {
    /// Every day at 00:00 UTC
    Daily,
    /// On Mondays
    Weekly,
    /// On the first of the month
    Monthly,
}

impl From<Reset> for LimitReset {
    fn from(reset: Reset) -> Self {
        match reset {
            Reset::Daily => Self::Daily,
            Reset::Weekly => Self::Weekly,
            Reset::Monthly => Self::Monthly,
        }
    }
}

/// A key to be found.
#[derive(Debug, Args)]
pub struct KeyNameArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// Its hash (or the first 8 or more digits of it), its name, or the key itself
    #[arg(value_name = "KEY")]
    pub key: String,
}

/// `waybill budget`
#[derive(Debug, Args)]
pub struct BudgetArguments {
    /// What to do with budgets.
    #[command(subcommand)]
    pub command: BudgetCommand,
}

/// What to do with budgets.
#[derive(Debug, Subcommand)]
pub enum BudgetCommand {
    /// List all budgets: limits of keys and balances included
    List(Place),
    /// Make a budget; prints its id and nothing else
    Create(BudgetCreateArguments),
    /// Delete a budget
    Delete(BudgetIdArguments),
}

/// `waybill budget create`
#[derive(Debug, Args)]
pub struct BudgetCreateArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// For whom: organization, workspace=ID, member=ID, key=KEY, app=URL, end_user=NAME or
    /// metadata=NAME=VALUE
    #[arg(long, value_name = "WHO")]
    pub subject: String,
    /// The most that may be spent in a window, in USD; 0 allows nothing
    #[arg(long, value_name = "USD", value_parser = crate::money::read_usd_text)]
    pub limit: ledger::Amount,
    /// lifetime, daily, weekly, monthly (with a zone: daily:Europe/Berlin) or rolling:24h
    #[arg(long, value_name = "WINDOW", default_value = "lifetime")]
    pub window: String,
    /// Only calls of this workspace
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
    /// Let calls go on at the limit, and say so
    #[arg(long)]
    pub warn: bool,
}

/// A budget to be found.
#[derive(Debug, Args)]
pub struct BudgetIdArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// Its id
    #[arg(value_name = "ID")]
    pub id: String,
}

/// `waybill credits`
#[derive(Debug, Args)]
pub struct CreditsArguments {
    /// What to do with credits.
    #[command(subcommand)]
    pub command: CreditsCommand,
}

/// What to do with credits.
#[derive(Debug, Subcommand)]
pub enum CreditsCommand {
    /// Grant credits to a workspace; prints the grant's id. Less than zero takes back
    Grant(CreditArguments),
    /// Note credits that a workspace has paid for
    Purchase(CreditArguments),
    /// Give money back to a workspace; for one call at most what it cost
    Refund(CallCreditArguments),
    /// Charge a workspace for something beside its calls
    Fee(CallCreditArguments),
}

/// `waybill credits refund` and `fee`
#[derive(Debug, Args)]
pub struct CallCreditArguments {
    /// As of all credits.
    #[command(flatten)]
    pub credit: CreditArguments,
    /// The call that it is about
    #[arg(long, value_name = "GENERATION")]
    pub generation: Option<String>,
}

/// `waybill credits grant` and `purchase`
#[derive(Debug, Args)]
pub struct CreditArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// How much, in USD
    #[arg(value_name = "USD", allow_negative_numbers = true, value_parser = ledger::Amount::from_usd)]
    pub amount: ledger::Amount,
    /// Of which workspace (default: the default workspace)
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
    /// Makes it safe to repeat: one id is posted once
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `waybill records`
#[derive(Debug, Args)]
pub struct RecordsArguments {
    /// What to do with the records.
    #[command(subcommand)]
    pub command: RecordsCommand,
}

/// What to do with the records.
#[derive(Debug, Subcommand)]
pub enum RecordsCommand {
    /// Recount every record; exit status 1 and the first difference when a roll-up says otherwise
    Verify(Place),
    /// Add up hours and days anew whose sums by few dimensions are not what was counted in them
    Rebuild(Place),
    /// The months that there are records of, and how many
    Months(Place),
    /// Drop the records of old months; what they added up to stays, and so does the ledger
    Drop(DropArguments),
}

/// `waybill records drop`
#[derive(Debug, Args)]
pub struct DropArguments {
    /// Keep this month and later ones, for example 2026-03
    #[arg(long, value_name = "MONTH", value_parser = read_month)]
    pub before: Month,
    /// Really do it
    #[arg(long = "yes")]
    pub is_sure: bool,
    /// Where the database is.
    #[command(flatten)]
    pub place: Place,
}

fn read_month(text: &str) -> Result<Month, String> {
    Month::from_text(text).ok_or_else(|| format!("\"{text}\" is not a month such as 2026-03"))
}

/// `waybill ledger`
#[derive(Debug, Args)]
pub struct LedgerArguments {
    /// What to do with the books.
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// What to do with the books.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Recompute everything; exit status 1 and the first difference when something does not agree
    Verify(Place),
    /// What was spent, by day and model
    Statement(StatementArguments),
    /// Every entry of the double-entry ledger, as CSV or JSON
    Export(ExportArguments),
    /// Set free what a server held that is gone for good
    ReleaseNode(ReleaseArguments),
}

/// `waybill ledger export`
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// The first day of UTC, such as 2027-12-01
    #[arg(long, value_name = "DAY", value_parser = crate::time::read_date)]
    pub from: Option<i64>,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = crate::time::read_date)]
    pub to: Option<i64>,
    /// In which form
    #[arg(long, value_name = "FORM", default_value = "csv")]
    pub format: crate::export::Form,
}

/// `waybill ledger statement`
#[derive(Debug, Args)]
pub struct StatementArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// Of one key: its hash (or the first 8 or more digits of it), its name, or the key itself
    #[arg(long, value_name = "KEY", conflicts_with = "workspace")]
    pub key: Option<String>,
    /// Of one workspace: its id or slug
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
    /// The first day of UTC, such as 2027-12-01
    #[arg(long, value_name = "DAY", value_parser = crate::time::read_date)]
    pub from: Option<i64>,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = crate::time::read_date)]
    pub to: Option<i64>,
    /// In which form
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub format: crate::statement::Form,
}

/// `waybill ledger release-node`
#[derive(Debug, Args)]
pub struct ReleaseArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// The server's name: the text in "node" of its data directory, and in its log
    #[arg(value_name = "NODE")]
    pub node: String,
    /// It is gone for good, and its journal with it
    #[arg(long = "lost")]
    pub is_lost: bool,
}

/// `waybill catalog`
#[derive(Debug, Args)]
pub struct CatalogArguments {
    /// What to do with the catalog.
    #[command(subcommand)]
    pub command: CatalogCommand,
}

/// What to do with the catalog.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// List models, or show one with its endpoints
    Show(CatalogShowArguments),
    /// Bring the catalog up to date from models.dev, and show what changes
    Update(CatalogUpdateArguments),
}

/// `waybill catalog show`
#[derive(Debug, Args)]
pub struct CatalogShowArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// One model, such as meta-llama/llama-3.3-70b-instruct
    #[arg(value_name = "MODEL")]
    pub model: Option<String>,
    /// As JSON, one model per line
    #[arg(long)]
    pub json: bool,
}

/// `waybill catalog update`
#[derive(Debug, Args)]
pub struct CatalogUpdateArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// A file or URL in the format of models.dev's api.json or models.json
    #[arg(value_name = "SOURCE", default_value = "https://models.dev/api.json")]
    pub source: String,
    /// Show the difference, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `waybill plan`
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
    /// The model to ask for
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The body of an inference request as JSON; its "model" is replaced
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// The dialect that the body is written in, such as "anthropic-messages" (default: guessed)
    #[arg(long, value_name = "NAME", requires = "body")]
    pub dialect: Option<Dialect>,
    /// Decides what is left to chance
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Print JSON, as POST /plan answers
    #[arg(long)]
    pub json: bool,
}

/// `waybill demo`
#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Address and port to listen on; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where the database lives (default: a fresh temporary directory)
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print one line of JSON with addresses and keys instead of text
    #[arg(long)]
    pub print_json: bool,
    /// Make up the calls of so many days before, so that there is something to look at (default: 14, with
    /// --print-json 0)
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=60))]
    pub past_days: Option<u16>,
}
