//! Modules: scripts that a script imports, `import "lib/schedules" as s;`.
//!
//! A name is a path below the folder of the script that the spec names, whichever script imports it; where there is no such
//! file, it is one of the host's own, which are kept in the program (`scripts/lib`). So a copy of a run keeps its own copies. All are read
//! and compiled when the script is: nothing is read while it runs.

use super::budget::within;
use super::engine::line_and_column;
use super::explain::{Sources, explain};
use super::guard::Bodies;
use crate::error::{Error, Place, Result, nearest};
use crate::spec::{Sandbox, read_text};
use rhai::module_resolvers::StaticModuleResolver;
use rhai::{AST, ASTFlags, ASTNode, Engine, Expr, Position, Scope, Stmt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The host's own modules.
const EMBEDDED: [(&str, &str); 5] = [
    ("lib/costs", include_str!("../../../scripts/lib/costs.rhai")),
    ("lib/edges", include_str!("../../../scripts/lib/edges.rhai")),
    ("lib/schedules", include_str!("../../../scripts/lib/schedules.rhai")),
    ("lib/softmax", include_str!("../../../scripts/lib/softmax.rhai")),
    ("lib/top", include_str!("../../../scripts/lib/top.rhai")),
];

/// How long a script may be, in bytes.
pub(super) const LONGEST: usize = 1_000_000;

/// How many modules a script may use.
const MOST: usize = 100;

/// A script that another one imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The name by which it is imported: its path below the script's folder, without `.rhai`.
    pub name: String,
    /// Its file; in angle brackets for one of the host's own.
    pub path: PathBuf,
    /// What it says.
    pub text: Arc<str>,
    /// Whether it is one of the host's own.
    pub embedded: bool,
}

/// The names and texts of the host's own modules.
pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.into_iter()
}

/// Compiles a script and what it imports.
pub(super) struct Loader<'a> {
    pub engine: &'a mut Engine,
    pub limits: &'a Sandbox,
    bodies: Bodies,
    pub sources: &'a mut Sources,
    pub modules: Vec<Module>,
    resolver: StaticModuleResolver,
    folder: PathBuf,
    /// The scripts that are being compiled, outermost first: their names and files.
    open: Vec<(String, PathBuf)>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(engine: &'a mut Engine, limits: &'a Sandbox, bodies: Bodies, sources: &'a mut Sources) -> Self {
        let folder = match sources.file(0).parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let resolver = StaticModuleResolver::new();
        Self { engine, limits, bodies, sources, modules: Vec::new(), resolver, folder, open: Vec::new() }
    }

    /// The script itself, compiled, with its modules in the engine.
    pub(super) fn main(&mut self) -> Result<AST> {
        let file = self.sources.file(0).to_owned();
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.open.push((name, file.canonicalize().unwrap_or(file)));
        let ast = self.compile(0)?;
        self.engine.set_module_resolver(self.resolver.clone());
        Ok(ast)
    }

    /// Compiles a source, and first whatever it imports.
    fn compile(&mut self, number: usize) -> Result<AST> {
        let text = self.sources.text(number).clone();
        let place = |position| self.sources.place(number, position);
        if text.len() > LONGEST {
            return Err(Error::new("the script is too long")
                .at(Place::file(self.sources.file(number)))
                .expected(format!("at most {LONGEST} bytes"))
                .found(format!("{} bytes", text.len())));
        }
        if let Some((line, column)) = lone_return(&text) {
            return Err(Error::new("a carriage return (U+000D) without a line feed in the script")
                .at(Place::at(self.sources.file(number), line, column).with_text(text))
                .help("end lines with a line feed, or with both"));
        }
        let mut ast = self
            .engine
            .compile(text.trim_start_matches('\u{feff}'))
            .map_err(|e| Error::new(format!("the script cannot be read: {}", e.err_type())).at(place(e.position())))?;
        ast.set_source(self.sources.key(number));
        if let Some(statement) = ast.statements().iter().find(|statement| !may_stand_at_the_top(statement)) {
            return Err(Error::new("a script holds functions, constants and imports only")
                .at(place(statement.position()))
                .expected("`fn …`, `const …` or `import \"…\" as …`")
                .help("what stands here would run on every call: move it into a function"));
        }
        for (name, position) in imports(&ast, &place)? {
            self.import(&name, &self.sources.place(number, position))?;
        }
        self.bodies.guarded(&ast, number)
    }

    fn import(&mut self, name: &str, at: &Place) -> Result<()> {
        if self.resolver.contains_path(name) {
            return Ok(());
        }
        if self.modules.len() >= MOST {
            return Err(Error::new("the script imports too many others")
                .at(at.clone())
                .expected(format!("at most {MOST}, with what those import")));
        }
        let module = self.find(name).map_err(|e| e.at(at.clone()))?;
        if let Some(k) = self.open.iter().position(|(_, file)| *file == module.path) {
            let names = self.open[k..].iter().map(|(name, _)| name.as_str());
            let circle: Vec<&str> = names.chain([self.open[k].0.as_str()]).collect();
            return Err(Error::new(format!("scripts import each other in a circle: {}", circle.join(" → ")))
                .at(at.clone())
                .help("move what both need into a third one"));
        }
        self.open.push((name.to_owned(), module.path.clone()));
        // The file as the script's own path names it, not where links lead.
        let shown = if module.embedded { module.path } else { self.folder.join(name).with_extension("rhai") };
        let shown = shown.strip_prefix(".").map(Path::to_owned).unwrap_or(shown);
        let number = self.sources.add(&shown, module.text.clone());
        let ast = self.compile(number)?;
        self.engine.set_module_resolver(self.resolver.clone());
        let engine = &*self.engine;
        let (compiled, stopped) = within(self.limits, || rhai::Module::eval_ast_as_new(Scope::new(), &ast, engine));
        let compiled = compiled.map_err(|e| explain(*e, stopped, self.sources, self.limits, &[], &[]))?;
        self.resolver.insert(name, compiled);
        self.modules.push(Module { path: shown, ..module });
        self.open.pop();
        Ok(())
    }

    /// Reads a module; its path is the real one.
    fn find(&self, name: &str) -> Result<Module> {
        check_name(name)?;
        let path = self.folder.join(format!("{name}.rhai"));
        if path.is_file() {
            let real = |path: &Path| path.canonicalize().map_err(|e| Error::io("open", path, &e));
            let (file, folder) = (real(&path)?, real(&self.folder)?);
            if !file.starts_with(&folder) {
                return Err(outside(name).found(format!("a link to {}", file.display())));
            }
            let text = read_text(&file, "module")?.into();
            return Ok(Module { name: name.to_owned(), path: file, text, embedded: false });
        }
        if let Some((_, text)) = EMBEDDED.into_iter().find(|(known, _)| *known == name) {
            let path = PathBuf::from(format!("<{name}.rhai>"));
            return Ok(Module { name: name.to_owned(), path, text: (*text).into(), embedded: true });
        }
        let mut known: Vec<String> = EMBEDDED.iter().map(|(name, _)| (*name).to_owned()).collect();
        list(&self.folder, "", 3, &mut known);
        Err(Error::new(format!("there is no module `{name}`"))
            .expected(format!("a file {}, or one of {}", path.display(), EMBEDDED.map(|(name, _)| name).join(", ")))
            .help_if(nearest(name, known.iter().map(String::as_str))))
    }
}

/// What a script may hold outside of functions.
fn may_stand_at_the_top(statement: &Stmt) -> bool {
    match statement {
        Stmt::Var(_, flags, _) => flags.contains(ASTFlags::CONSTANT),
        Stmt::Noop(_) | Stmt::Import(..) => true,
        _ => false,
    }
}

/// What a script imports, within functions too.
fn imports(ast: &AST, place: &dyn Fn(Position) -> Place) -> Result<Vec<(String, Position)>> {
    let mut found = Ok(Vec::new());
    ast.walk(&mut |path| {
        let (Some(ASTNode::Stmt(Stmt::Import(parts, at))), Ok(list)) = (path.last(), &mut found) else {
            return found.is_ok();
        };
        match &parts.0 {
            Expr::StringConstant(..) if parts.1.name.is_empty() => {
                found = Err(Error::new("this import has no name").at(place(*at)).expected("import \"…\" as name;"));
            }
            Expr::StringConstant(name, position) => list.push((name.to_string(), *position)),
            other => {
                found = Err(Error::new("what is imported has to be known before the script runs")
                    .at(place(other.start_position()))
                    .expected("a name in quotes: import \"lib/schedules\" as s;"));
            }
        }
        found.is_ok()
    });
    found
}

fn outside(name: &str) -> Error {
    Error::new(format!("the module `{name}` is outside of the script's folder"))
        .expected("a module below the folder of the script that the spec names")
}

/// Where a carriage return stands without a line feed. To the engine it now and then ends a line, to whoever counts lines never.
fn lone_return(text: &str) -> Option<(usize, usize)> {
    let (at, _) = text.match_indices('\r').find(|(at, _)| !text[at + 1..].starts_with('\n'))?;
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1;
    Some((line, column))
}

fn check_name(name: &str) -> Result<()> {
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    if name.starts_with(['/', '\\', '~']) || name.contains(':') || parts.contains(&"..") {
        return Err(outside(name).help("copy it there"));
    }
    if let Some((stem, _)) = name.rsplit_once('.') {
        return Err(Error::new(format!("`{name}` is no name of a module"))
            .expected("a path below the script's folder, without an ending")
            .help(format!("write `{}`; the file is {0}.rhai", stem.trim_start_matches("./"))));
    }
    let word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if name.contains('\\') || !parts.iter().all(word) {
        return Err(Error::new(format!("`{name}` is no name of a module"))
            .expected("letters, digits, `_` and `-`, and `/` between folders: lib/schedules"));
    }
    Ok(())
}

/// The modules below a folder.
fn list(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(1000) {
        let path = entry.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if path.extension().is_some_and(|e| e == "rhai") {
            names.push(format!("{prefix}{stem}"));
        } else if depth > 0 && path.is_dir() && !path.is_symlink() {
            list(&path, &format!("{prefix}{stem}/"), depth - 1, names);
        }
    }
}

impl Sources {
    /// A place in a source.
    pub(super) fn place(&self, number: usize, position: Position) -> Place {
        let (line, column) = line_and_column(position);
        Place::at(self.file(number), line, column).with_text(self.text(number).clone())
    }
}
