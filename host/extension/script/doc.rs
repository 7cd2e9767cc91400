//! What a script says of itself: the comment at its head, and its functions with theirs.

use rhai::{AST, FnAccess};

/// A function that a script defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// Its comment (`///`), without the marks.
    pub doc: String,
    /// Whether scripts that import this one cannot see it.
    pub private: bool,
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let private = if self.private { "private " } else { "" };
        write!(f, "{private}{}({})", self.name, self.parameters.join(", "))
    }
}

/// The functions of a script, in the order of their names.
pub(super) fn functions(ast: &AST) -> Vec<Function> {
    let mut list: Vec<Function> = ast
        .iter_functions()
        .filter(|function| !function.name.starts_with("anon$"))
        .map(|function| Function {
            name: function.name.to_owned(),
            parameters: function.params.iter().map(|&name| name.to_owned()).collect(),
            doc: function.comments.iter().map(|comment| plain(comment)).collect::<Vec<_>>().join("\n"),
            private: function.access == FnAccess::Private,
        })
        .collect();
    list.sort_by(|a, b| (&a.name, a.parameters.len()).cmp(&(&b.name, b.parameters.len())));
    list
}

/// A comment without its marks.
fn plain(comment: &str) -> String {
    let inner = comment.trim().trim_start_matches("/**").trim_end_matches("*/");
    let lines = inner.lines().map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("///").unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The comment at the head of a script: its first lines, as long as they begin with `//` or `//!`.
pub(super) fn header(text: &str) -> String {
    let lines = text.lines().map(str::trim).skip_while(|line| line.is_empty());
    let comment = lines.take_while(|line| line.starts_with("//") && !line.starts_with("///"));
    let plain = comment.map(|line| {
        let line = line.trim_start_matches("//").trim_start_matches('!');
        line.strip_prefix(' ').unwrap_or(line)
    });
    plain.collect::<Vec<_>>().join("\n").trim().to_owned()
}
