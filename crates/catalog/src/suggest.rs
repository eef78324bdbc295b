//! Near misses: the slugs that a wrong one probably meant.

/// How many suggestions are given at most.
const SUGGESTIONS: usize = 3;

/// The known names nearest to `wrong`, nearest first. Names further than a third of their length (but two edits are always allowed)
/// are not suggested, unless one contains the other.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wrong = plain(wrong);
    let short_wrong = short(&wrong);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in known {
        let candidate = plain(name);
        let short_candidate = short(&candidate);
        let whole = distance(&wrong, &candidate);
        // The name alone counts a little less than author and name together.
        let name_alone = distance(short_wrong, short_candidate) + 1;
        let contained = short_wrong.len() >= 4 && short_candidate.contains(short_wrong);
        let limit = short_wrong.len().max(6) / 3;
        let best = whole.min(name_alone);
        if best <= limit {
            found.push((best, name));
        } else if contained {
            found.push((limit + 1 + short_candidate.len() - short_wrong.len(), name));
        }
    }
    found.sort_unstable();
    found
        .into_iter()
        .take(SUGGESTIONS)
        .map(|(_, name)| name)
        .collect()
}

/// Lower case, with the signs that are most often confused made equal.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if matches!(c, '.' | '_' | ' ') {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .take(200)
        .collect()
}

fn short(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, short)| short)
}

/// Edits (insert, delete, replace) between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().collect();
    if a.len().abs_diff(b.len()) > a.len().max(6) / 3 + 1 {
        return usize::MAX / 2;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_probably_meant_and_nothing_far_off() {
        let known = [
            "openai/gpt-4o",
            "openai/gpt-4o-mini",
            "anthropic/claude-3.5-sonnet",
            "qwen/qwen3-32b",
        ];
        for (wrong, first) in [
            ("openai/gpt4o", Some("openai/gpt-4o")),
            ("gpt-4o", Some("openai/gpt-4o")),
            (
                "anthropic/claude-3-5-sonet",
                Some("anthropic/claude-3.5-sonnet"),
            ),
            ("claude-3.5", Some("anthropic/claude-3.5-sonnet")),
            ("zzzz/yyyyyyyyyyy", None),
            ("", None),
        ] {
            let found = nearest(wrong, known.into_iter());
            assert_eq!(found.first().copied(), first, "{wrong}");
        }
    }
}
