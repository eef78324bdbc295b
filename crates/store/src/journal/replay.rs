//! What a start finds: the segments in order, their records, and what is lost of them.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::open::{JournalError, JournalOptions, Place, failed};
use super::segment::{self, Beginning};
use super::tally::{Live, path};

/// Takes a record in and says whether the journal has to keep it, or why it cannot be understood.
pub(super) type Replay<'a> = dyn FnMut(&[u8], Place) -> Result<bool, String> + 'a;

/// The segments in order, and the number of the next one: no number is used twice, not even that
/// of a segment that was put aside.
pub(super) fn numbers(dir: &Path) -> io::Result<(Vec<u64>, u64)> {
    let (mut numbers, mut next) = (Vec::new(), 1);
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some((number, kind)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Ok(number) = number.parse::<u64>() else {
            continue;
        };
        next = next.max(number.saturating_add(1));
        if kind == "wal" {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok((numbers, next))
}

/// Reads one segment and replays it.
pub(super) fn replay_one(
    options: &JournalOptions,
    number: u64,
    replay: &mut Replay<'_>,
) -> Result<Live, JournalError> {
    let path = path(&options.dir, number);
    let bytes = std::fs::read(&path).map_err(failed(&path))?;
    let scan = segment::scan(&bytes, number);
    match scan.beginning {
        Beginning::Newer(version) => return Err(JournalError::Newer { path, version }),
        Beginning::Whole(header, _) if header.node != options.node.bytes() => {
            tracing::warn!(segment = %path.display(), "a journal segment of another node is replayed");
        }
        Beginning::Whole(..) | Beginning::Cut => {}
        Beginning::Bad => {
            tracing::error!(segment = %path.display(), "the header of a journal segment is damaged");
        }
    }
    let mut live = Live {
        bytes: scan.end as u64,
        is_sealed: true,
        is_damaged: !scan.damage.is_empty() || scan.beginning == Beginning::Bad,
        ..Live::default()
    };
    for found in &scan.records {
        let place = Place {
            segment: number,
            at: found.at as u64,
            framed: (found.payload.end - found.at) as u64,
        };
        let payload = bytes.get(found.payload.clone()).unwrap_or_default();
        match replay(payload, place) {
            Ok(is_needed) => live.needed += u64::from(is_needed),
            Err(error) => {
                live.is_damaged = true;
                tracing::error!(
                    segment = %path.display(), at = place.at, bytes = place.framed, %error,
                    "a journal record cannot be understood and is not on the books"
                );
            }
        }
    }
    for lost in &scan.damage {
        tracing::error!(
            segment = %path.display(), from = lost.start, to = lost.end,
            "a part of the journal is damaged: the records in it are lost, those around it are not; \
             the file will be kept as .wal.corrupt"
        );
    }
    for torn in &scan.torn {
        tracing::warn!(
            segment = %path.display(), from = torn.start, to = torn.end,
            "records of a journal segment were never finished, so nobody was told that they were \
             settled; they are left out"
        );
    }
    if let Some(torn) = scan.torn.last().filter(|torn| torn.end == scan.end) {
        cut(&path, torn.start as u64);
        live.bytes = torn.start as u64;
    }
    Ok(live)
}

/// Cuts the torn end off, so that the next start has nothing to tell. It may fail: whatever is
/// left there is recognised again.
fn cut(path: &Path, at: u64) {
    let cut = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(at).and_then(|()| file.sync_all()));
    if let Err(error) = cut {
        tracing::warn!(segment = %path.display(), %error, "a torn end cannot be cut off");
    }
}
