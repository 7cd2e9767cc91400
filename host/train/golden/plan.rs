//! A plan as a line of words.

use serde_json::Value;

/// The plan of a line of the trace, a word per edge; `candidates` has the names of each edge's.
pub(super) fn plan_text(line: &Value, candidates: &[Vec<String>]) -> String {
    let number = |edge: usize, name: &Value| {
        let name = name.as_str().unwrap_or_default();
        candidates[edge].iter().position(|c| c == name).map_or_else(|| name.to_owned(), |i| i.to_string())
    };
    let gate = |(edge, gate): (usize, &Value)| match gate {
        Value::Null => "-".to_owned(),
        Value::Object(gate) => {
            let of = |key: &str| gate.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let names = of("relaxed").iter().chain(of("straight_through"));
            let all: Vec<String> = names.map(|name| number(edge, name)).collect();
            let kind = match (gate.get("only"), gate.get("active")) {
                (Some(only), _) => number(edge, only),
                (None, Some(active)) => {
                    let alone = if gate.contains_key("active_only") { "a" } else { "s" };
                    format!("{alone}{}:", number(edge, active))
                }
                (None, None) => "r".to_owned(),
            };
            let sign = if gate.contains_key("sign") { "-" } else { "" };
            let further = [("temperature", 't'), ("noise", 'n'), ("drop", 'd')];
            let further = further.iter().filter_map(|(key, letter)| Some(format!("{letter}{}", gate.get(*key)?)));
            format!("{sign}{kind}{}{}", all.join(","), further.collect::<String>())
        }
        name => number(edge, name),
    };
    let gates: Vec<String> = line["gates"].as_array().into_iter().flatten().enumerate().map(gate).collect();
    let inverted = if line["inverted"] == true { " inverted" } else { "" };
    format!("{}{inverted}: {}", line["phase"].as_str().unwrap_or_default(), gates.join(" "))
}
