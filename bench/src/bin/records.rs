//! `records`: the proof of the records, at any size.

fn main() -> anyhow::Result<()> {
    bench::records()
}
