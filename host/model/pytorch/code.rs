//! Pieces of Python whose numbers are left open: code of the same form becomes one class, and its numbers what that class is told.

use super::numbers::{Expression, Open, Role};
use std::fmt::Write as _;

/// The longest line.
pub(super) const WIDTH: usize = 100;

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// As it stands.
    Text(String),
    /// A number, by its position in a list of open ones.
    Number(usize),
    /// Two numbers, for height and width; one where they are the same.
    Pair([usize; 2]),
    /// One behind the other.
    Joined(Vec<Code>),
    /// A sum.
    Sum(Vec<Code>),
    /// A call.
    Call(String, Vec<Argument>),
}

/// An argument of a call.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    keyword: Option<String>,
    value: Code,
    /// What need not be said.
    default: Option<i64>,
}

impl Argument {
    pub(super) fn keyword(name: &str, value: Code) -> Self {
        Self { keyword: Some(name.to_owned()), value, default: None }
    }

    /// One that is left out where it is this number.
    pub(super) fn or(name: &str, value: Code, default: i64) -> Self {
        Self { default: Some(default), ..Self::keyword(name, value) }
    }
}

impl From<Code> for Argument {
    fn from(value: Code) -> Self {
        Self { keyword: None, value, default: None }
    }
}

/// What the numbers of a piece of code became.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) expressions: &'a [Expression],
    /// What stands before the names of arguments: `self.` where they are read later than in the constructor.
    pub(super) own: &'static str,
}

impl Code {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A call with these arguments, none of which has a name.
    pub(super) fn call(function: impl Into<String>, arguments: Vec<Code>) -> Self {
        Self::Call(function.into(), arguments.into_iter().map(Argument::from).collect())
    }

    /// The code with its numbers.
    pub(super) fn read(&self, reading: Reading) -> String {
        let number = |n: usize| reading.expressions[n].text(reading.own);
        let join =
            |list: &[Code], between: &str| list.iter().map(|c| c.read(reading)).collect::<Vec<_>>().join(between);
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(n) => number(*n),
            Self::Pair([a, b]) if number(*a) == number(*b) => number(*a),
            Self::Pair([a, b]) => format!("({}, {})", number(*a), number(*b)),
            Self::Joined(list) => join(list, ""),
            Self::Sum(list) => join(list, " + "),
            Self::Call(function, arguments) => format!("{function}({})", written(arguments, reading).join(", ")),
        }
    }

    /// A line that assigns or returns, with an indent of so many places, in black's manner where it is too long.
    pub(super) fn statement(&self, indent: usize, before: &str, after: &str, reading: Reading) -> String {
        let margin = " ".repeat(indent);
        let line = format!("{margin}{before}{}{after}\n", self.read(reading));
        // What stands behind a comment's sign may hang over.
        let end = line.find("  # ").unwrap_or(line.trim_end().len());
        if line[..end].chars().count() <= WIDTH {
            return line;
        }
        match self {
            Self::Call(function, arguments) => {
                let arguments = written(arguments, reading);
                let inner = format!("{margin}    {}\n", arguments.join(", "));
                let mut text = format!("{margin}{before}{function}(\n");
                if inner.trim_end().chars().count() <= WIDTH {
                    text.push_str(&inner);
                } else {
                    arguments.iter().for_each(|argument| _ = writeln!(text, "{margin}    {argument},"));
                }
                format!("{text}{margin}){after}\n")
            }
            Self::Sum(terms) => {
                let mut text = format!("{margin}{before}(\n");
                for (k, term) in terms.iter().enumerate() {
                    let plus = if k == 0 { "" } else { "+ " };
                    let _ = writeln!(text, "{margin}    {plus}{}", term.read(reading));
                }
                format!("{text}{margin}){after}\n")
            }
            _ => line,
        }
    }

    /// Its form: the same for code that differs in its numbers alone.
    pub(super) fn form(&self, numbers: &[Open]) -> String {
        let role = |n: usize| match &numbers[n].role {
            Role::Channels => "#".to_owned(),
            Role::Named(name) => format!("#{name}"),
        };
        let join =
            |list: &[Code], between: &str| list.iter().map(|c| c.form(numbers)).collect::<Vec<_>>().join(between);
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(n) => role(*n),
            Self::Pair([a, b]) => format!("({}, {})", role(*a), role(*b)),
            Self::Joined(list) => join(list, ""),
            Self::Sum(list) => join(list, " + "),
            Self::Call(function, arguments) => {
                let argument = |a: &Argument| format!("{:?}={}", a.keyword, a.value.form(numbers));
                format!("{function}({})", arguments.iter().map(argument).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// About as many letters as it has.
    pub(super) fn width(&self) -> usize {
        let all = |list: &[Code], between: usize| list.iter().map(|code| code.width() + between).sum::<usize>();
        match self {
            Self::Text(text) => text.chars().count(),
            Self::Number(_) => 3,
            Self::Pair(_) => 6,
            Self::Joined(list) => all(list, 0),
            Self::Sum(list) => all(list, 3),
            Self::Call(function, arguments) => {
                let argument = |a: &Argument| a.keyword.as_ref().map_or(0, |name| name.len() + 1) + a.value.width() + 2;
                function.len() + arguments.iter().map(argument).sum::<usize>()
            }
        }
    }

    /// Adds the positions of the open numbers that it reads.
    pub(super) fn numbers(&self, into: &mut Vec<usize>) {
        match self {
            Self::Text(_) => {}
            Self::Number(n) => into.push(*n),
            Self::Pair(pair) => into.extend(pair),
            Self::Joined(list) | Self::Sum(list) => list.iter().for_each(|code| code.numbers(into)),
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.value.numbers(into)),
        }
    }
}

/// The arguments that have to be said.
fn written(arguments: &[Argument], reading: Reading) -> Vec<String> {
    let constant = |n: usize, value| reading.expressions[n] == Expression::Constant(value);
    let said = |argument: &&Argument| match (&argument.value, argument.default) {
        (Code::Number(n), Some(default)) => !constant(*n, default),
        (Code::Pair(pair), Some(default)) => !pair.iter().all(|n| constant(*n, default)),
        _ => true,
    };
    let text = |argument: &Argument| match &argument.keyword {
        Some(name) => format!("{name}={}", argument.value.read(reading)),
        None => argument.value.read(reading),
    };
    arguments.iter().filter(said).map(text).collect()
}

/// Words in lines of at most this width, all but the first with this indent.
pub(super) fn wrapped(words: &[String], width: usize, indent: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            let _ = write!(text, "\n{indent}");
            column = indent.chars().count();
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}
