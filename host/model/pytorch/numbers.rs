//! What becomes of the numbers in which code of the same form differs: constants, channels that follow from those that come in and go
//! out, and arguments of their own.

/// What a number is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// A number of channels, or of other values.
    Channels,
    /// What an argument of its own would be called.
    Named(String),
}

/// A number that code of the same form may have another one for.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) role: Role,
    pub(super) value: i64,
}

/// The numbers of a piece of code, in the order in which it was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers(pub(super) Vec<Open>);

impl Numbers {
    pub(super) fn add(&mut self, role: Role, value: i64) -> usize {
        self.0.push(Open { role, value });
        self.0.len() - 1
    }
}

/// What an open number became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// The same everywhere.
    Constant(i64),
    /// An argument, with what is done to it before and behind.
    Of { before: String, name: String, after: String },
}

impl Expression {
    /// As code; `own` stands before an argument's name.
    pub(super) fn text(&self, own: &str) -> String {
        match self {
            Self::Constant(value) => value.to_string(),
            Self::Of { before, name, after } => format!("{before}{own}{name}{after}"),
        }
    }

    /// The argument that it reads.
    pub(super) fn name(&self) -> Option<&str> {
        if let Self::Of { name, .. } = self { Some(name) } else { None }
    }
}

/// An argument of a class.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) role: Role,
    /// What it is in each of the pieces of code.
    pub(super) values: Vec<i64>,
}

/// What the open numbers of pieces of code became, and the arguments that they need.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) expressions: Vec<Expression>,
    pub(super) parameters: Vec<Parameter>,
}

/// Resolves the numbers of pieces of code of one form; `bases` are arguments that channels may follow from.
pub(super) fn resolve(pieces: &[&Numbers], bases: Vec<Parameter>) -> Resolved {
    let mut used = vec![false; bases.len()];
    let mut own: Vec<Parameter> = Vec::new();
    let count = pieces.first().map_or(0, |piece| piece.0.len());
    let mut expressions = Vec::with_capacity(count);
    for position in 0..count {
        let values: Vec<i64> = pieces.iter().map(|piece| piece.0[position].value).collect();
        let role = &pieces[0].0[position].role;
        let of_base = if *role == Role::Channels { follows(&values, &bases) } else { None };
        expressions.push(if let Some((base, expression)) = of_base {
            used[base] = true;
            expression
        } else if values.iter().all(|value| *value == values[0]) {
            Expression::Constant(values[0])
        } else {
            let known = own.iter().find(|p| p.role == *role && p.values == values).map(|p| p.name.clone());
            let name = known.unwrap_or_else(|| {
                let wanted = if let Role::Named(name) = role { name } else { "channels" };
                let taken = |name: &String| bases.iter().chain(&own).any(|p| p.name == *name);
                let numbered = (2..).map(|number| format!("{wanted}{number}"));
                let name = std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name));
                let name = name.unwrap_or_default();
                own.push(Parameter { name: name.clone(), role: role.clone(), values });
                name
            });
            Expression::Of { before: String::new(), name, after: String::new() }
        });
    }
    let bases = bases.into_iter().zip(used).filter(|(_, used)| *used).map(|(base, _)| base);
    Resolved { expressions, parameters: bases.chain(own).collect() }
}

/// How numbers follow from one of the bases: they are it, a multiple or a part of it. That one number is a multiple of one other is no
/// rule: only a half is taken for one.
fn follows(values: &[i64], bases: &[Parameter]) -> Option<(usize, Expression)> {
    let pairs = |base: &Parameter| values.iter().copied().zip(base.values.clone()).collect::<Vec<(i64, i64)>>();
    let made =
        |k: usize, before: String, after: String| (k, Expression::Of { before, name: bases[k].name.clone(), after });
    let same = bases.iter().position(|base| base.values == values);
    if let Some(k) = same {
        return Some(made(k, String::new(), String::new()));
    }
    let ways = bases.iter().enumerate().filter_map(|(k, base)| {
        let pairs = pairs(base);
        let (value, of) = *pairs.first()?;
        let several = pairs.iter().any(|(_, other)| *other != of);
        let (times, part) = (value / of.max(1), of / value.max(1));
        if several && times > 1 && pairs.iter().all(|(value, of)| *value == of * times) {
            return Some((times, made(k, format!("{times} * "), String::new())));
        }
        let halves = part == 2 && pairs.iter().all(|(value, of)| *of == value * 2);
        if part > 1 && (several || halves) && pairs.iter().all(|(value, of)| *value == of / part) {
            return Some((part, made(k, String::new(), format!(" // {part}"))));
        }
        None
    });
    // Half of what goes out rather than a quarter of what comes in.
    ways.min_by_key(|(factor, _)| *factor).map(|(_, way)| way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_channels_or_are_told() {
        let base = |name: &str, values: &[i64]| Parameter {
            name: name.to_owned(),
            role: Role::Channels,
            values: values.to_vec(),
        };
        let bases = vec![base("c_in", &[8, 16]), base("c_out", &[16, 16])];
        let piece = |values: &[i64]| {
            let mut numbers = Numbers::default();
            for (value, role) in values.iter().zip(["", "", "", "", "stride", "stride", "kernel"]) {
                let role = if role.is_empty() { Role::Channels } else { Role::Named(role.to_owned()) };
                numbers.add(role, *value);
            }
            numbers
        };
        let (first, second) = (piece(&[16, 48, 2, 7, 1, 1, 3]), piece(&[16, 96, 4, 9, 2, 2, 3]));
        let resolved = resolve(&[&first, &second], bases);
        let texts: Vec<String> = resolved.expressions.iter().map(|e| e.text("self.")).collect();
        let expected =
            ["self.c_out", "6 * self.c_in", "self.c_in // 4", "self.channels", "self.stride", "self.stride", "3"];
        assert_eq!(texts, expected);
        let names: Vec<&str> = resolved.parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["c_in", "c_out", "channels", "stride"]);
    }
}
