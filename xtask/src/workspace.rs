//! Where things lie, and how cargo is called.

use crate::failure::{Failure, Result};
use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of a checkout and of its user.
pub struct Workspace {
    /// The repository's root.
    pub root: PathBuf,
    /// Where cargo puts what it builds, whether that is `target` or not.
    pub target: PathBuf,
    /// The user's cache, which all checkouts share. It need not exist yet.
    pub cache: PathBuf,
}

impl Workspace {
    /// Finds the folders of the checkout that this program was started from.
    pub fn find() -> Result<Self> {
        // At run time, because a checkout may have moved since this was compiled.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().map(Path::to_owned).unwrap_or_default();
        // This program lies in target/debug (below a triple where one is configured), so edas lies beside.
        let this = env::current_exe().map_err(|error| Failure::io("find", Path::new("xtask"), &error))?;
        let target = this.ancestors().nth(2).map(Path::to_owned).unwrap_or_else(|| root.join("target"));
        Ok(Self { root, target, cache: cache()? })
    }

    /// Where builds look for libtorch: a link into the cache, or a folder of the user's own.
    pub fn link(&self) -> PathBuf {
        self.root.join(".libtorch")
    }

    /// Whether a value of LIBTORCH is the one that `.cargo/config.toml` sets for everything cargo runs.
    pub fn is_own_libtorch(&self, value: &OsStr) -> bool {
        let here = |root: &Path| Path::new(value) == root.join(".libtorch/torch");
        here(&self.root) || self.root.canonicalize().is_ok_and(|root| here(&root))
    }

    /// `cargo COMMAND` on this workspace.
    ///
    /// The outer cargo's variables are taken away, so that build scripts see what they see under a plain
    /// `cargo build` and nothing is compiled twice.
    pub fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.arg(command).arg("--manifest-path").arg(self.root.join("Cargo.toml"));
        for (name, value) in env::vars_os() {
            let text = name.to_string_lossy();
            let outer = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
            if outer.iter().any(|prefix| text.starts_with(prefix))
                || (text == "LIBTORCH" && self.is_own_libtorch(&value))
            {
                cargo.env_remove(&name);
            }
        }
        cargo
    }
}

fn cache() -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("EDAS_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("edas")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/edas")))
        .ok_or_else(|| {
            Failure::new("no folder for the cache").found("HOME is not set").help("set EDAS_CACHE to a folder")
        })?;
    // Made absolute because `.libtorch` will point there.
    std::path::absolute(&cache).map_err(|error| Failure::io("find", &cache, &error))
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::of(status)) }
}

/// Becomes the command: exit status and signals are then its own. Returns only when it cannot start.
pub fn hand_over(command: &mut Command) -> Result {
    let error = command.exec();
    Err(cannot_start(command, &error))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start {}", command.get_program().display())).found(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_its_own_libtorch_from_a_users() {
        let root = PathBuf::from("/somewhere/edas");
        let workspace = Workspace { target: root.join("target"), cache: root.join("cache"), root };
        assert!(workspace.is_own_libtorch(OsStr::new("/somewhere/edas/.libtorch/torch")));
        assert!(workspace.is_own_libtorch(OsStr::new("/somewhere/edas/.libtorch/torch/")));
        for other in ["/opt/libtorch", "/elsewhere/edas/.libtorch/torch", ".libtorch/torch", ""] {
            assert!(!workspace.is_own_libtorch(OsStr::new(other)), "{other}");
        }
    }
}
