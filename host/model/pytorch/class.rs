//! Classes: one for all bodies of one form, told the numbers in which they differ.

use super::code::{Argument, Code, Reading, WIDTH, wrapped};
use super::graph::{Body, Line, Module};
use super::names::{Names, quoted};
use super::numbers::{Numbers, Parameter, Resolved, Role, resolve};
use std::collections::HashMap;
use std::fmt::Write as _;

/// What is to be an object of a class.
pub(super) struct Item {
    /// What its class should be called after.
    pub(super) wanted: String,
    pub(super) doc: String,
    /// The candidate whose tensors the file has under its name.
    pub(super) candidate: Option<String>,
    /// What the constructor takes besides numbers, first.
    pub(super) modules: Vec<String>,
    /// What `forward` takes.
    pub(super) inputs: Vec<String>,
    pub(super) body: Body,
    /// Channels that others may follow from.
    pub(super) bases: Vec<(String, i64)>,
}

/// The classes of a list of items.
pub(super) struct Classes {
    /// Their texts, in the order of their first items.
    pub(super) texts: Vec<String>,
    made: Vec<Made>,
}

/// The class of an item, and what it is told: names, roles and numbers.
#[derive(Clone, Default)]
struct Made {
    class: String,
    told: Vec<(String, Role, i64)>,
}

impl Classes {
    pub(super) fn of(items: &[Item], names: &mut Names) -> Self {
        let mut forms: HashMap<(String, String), usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (k, item) in items.iter().enumerate() {
            let form = format!("{:?} {:?}\n{}", item.modules, item.inputs, item.body.form());
            let group = *forms.entry((item.wanted.clone(), form)).or_insert(groups.len());
            if group == groups.len() {
                groups.push(Vec::new());
            }
            groups[group].push(k);
        }
        let mut texts = Vec::new();
        let mut made = vec![Made::default(); items.len()];
        for group in groups {
            let members: Vec<&Item> = group.iter().map(|k| &items[*k]).collect();
            let bodies: Vec<&Numbers> = members.iter().map(|item| &item.body.numbers).collect();
            let resolved = resolve(&bodies, bases(&members));
            let name = names.class(&members[0].wanted);
            let candidate = members.iter().find_map(|item| item.candidate.as_deref());
            texts.push(text(&name, members[0], candidate, &resolved));
            for (position, k) in group.into_iter().enumerate() {
                let told = |p: &Parameter| (p.name.clone(), p.role.clone(), p.values[position]);
                made[k] = Made { class: name.clone(), told: resolved.parameters.iter().map(told).collect() };
            }
        }
        Self { texts, made }
    }

    /// The call that makes an item, whose class takes these modules first.
    pub(super) fn call(&self, item: usize, modules: Vec<Code>, numbers: &mut Numbers) -> Code {
        let Made { class, told } = &self.made[item];
        let mut arguments: Vec<Argument> = modules.into_iter().map(Argument::from).collect();
        let mut by_name = false;
        for (name, role, value) in told {
            by_name |= *role != Role::Channels;
            let role = if *role == Role::Channels { Role::Channels } else { Role::Named(name.clone()) };
            let number = Code::Number(numbers.add(role, *value));
            arguments.push(if by_name { Argument::keyword(name, number) } else { number.into() });
        }
        Code::Call(class.clone(), arguments)
    }
}

/// The channels that others may follow from: those that agree in all members stand once, and are called `c` where they are all.
fn bases(members: &[&Item]) -> Vec<Parameter> {
    let mut list: Vec<Parameter> = Vec::new();
    let count = members[0].bases.len();
    for k in 0..count {
        let values: Vec<i64> = members.iter().map(|item| item.bases[k].1).collect();
        if !list.iter().any(|base| base.values == values) {
            list.push(Parameter { name: members[0].bases[k].0.clone(), role: Role::Channels, values });
        }
    }
    if let ([one], true) = (&mut list[..], count > 1) {
        "c".clone_into(&mut one.name);
    }
    list
}

/// A docstring: on one line, or filled where it is too long.
fn documentation(doc: &str) -> String {
    if doc.chars().count() + 10 <= WIDTH {
        return format!("    \"\"\"{doc}\"\"\"\n");
    }
    let words: Vec<String> = doc.split(' ').map(str::to_owned).collect();
    format!("    \"\"\"{}\n    \"\"\"\n", wrapped(&words, WIDTH - 7, "    "))
}

fn text(name: &str, item: &Item, candidate: Option<&str>, resolved: &Resolved) -> String {
    let Item { doc, modules, inputs, body, .. } = item;
    let (now, later) = (Reading { expressions: &resolved.expressions, own: "" }, "self.");
    let then = Reading { own: later, ..now };
    let mut text = format!("class {name}(nn.Module):\n{}\n", documentation(doc));
    if let Some(candidate) = candidate {
        let _ = writeln!(text, "    candidate = {}  # what the file calls it\n", quoted(candidate));
    }
    let parameters = modules.iter().cloned().chain(resolved.parameters.iter().map(|p| p.name.clone()));
    let parameters: Vec<Code> = std::iter::once("self".to_owned()).chain(parameters).map(Code::text).collect();
    // What `forward` reads is kept.
    let mut read = Vec::new();
    for line in &body.lines {
        let (Line::Assign(_, code) | Line::Return(code)) = line;
        code.numbers(&mut read);
    }
    let is_read = |p: &&Parameter| read.iter().any(|n| resolved.expressions[*n].name() == Some(&p.name));
    let kept: Vec<&Parameter> = resolved.parameters.iter().filter(is_read).collect();
    if !kept.is_empty() || !body.modules.is_empty() {
        text.push_str(&Code::call("__init__", parameters).statement(4, "def ", ":", now));
        text.push_str("        super().__init__()\n");
        kept.iter().for_each(|p| _ = writeln!(text, "        self.{0} = {0}", p.name));
        for module in &body.modules {
            text.push_str(&match module {
                Module::Attribute(name, code, remark) => {
                    let remark = remark.as_ref().map(|remark| format!("  # {remark}")).unwrap_or_default();
                    code.statement(8, &format!("self.{name} = "), &remark, now)
                }
                Module::Buffer(name, code) => {
                    let name = Code::text(format!("\"{name}\""));
                    Code::call("self.register_buffer", vec![name, code.clone()]).statement(8, "", "", now)
                }
            });
        }
        text.push('\n');
    }
    let inputs: Vec<Code> = std::iter::once("self").chain(inputs.iter().map(String::as_str)).map(Code::text).collect();
    text.push_str(&Code::call("forward", inputs).statement(4, "def ", ":", now));
    for line in &body.lines {
        text.push_str(&match line {
            Line::Assign(name, code) => code.statement(8, &format!("{name} = "), "", then),
            Line::Return(code) => code.statement(8, "return ", "", then),
        });
    }
    text
}
