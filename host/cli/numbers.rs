//! Lists of whole numbers on the command line.

use std::str::FromStr;

/// Whole numbers, as a list or a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers(pub(super) Vec<u64>);

/// As many runs as anyone would wait for.
const MOST: u64 = 10_000;

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a range of whole numbers such as 0..3 nor a list such as 0,5,7");
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let list = match text.split_once("..") {
            Some((first, end)) => {
                let (first, end) = (number(first)?, number(end)?);
                if end <= first || end - first > MOST {
                    return Err(format!("{}: at least one, and at most {MOST} of them", wrong()));
                }
                (first..end).collect()
            }
            None => text.split(',').map(number).collect::<Result<Vec<u64>, String>>()?,
        };
        if (1..list.len()).any(|i| list[..i].contains(&list[i])) {
            return Err(format!("`{text}` names a number twice"));
        }
        Ok(Self(list))
    }
}
