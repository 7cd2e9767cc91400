//! Makes a libtorch folder in the user's cache.
//!
//! Everything happens in a folder of this process beside the final one, which a rename then makes: a final
//! folder is always whole, whatever was interrupted, and of two checkouts that do this at once the second
//! finds the first one's and drops its own. What an interrupted download left is thrown away by the next.

use crate::download::download;
use crate::failure::{Failure, Result};
use crate::libtorch::{Flavour, VERSION};
use crate::requirements;
use crate::unpack::unpack;
use crate::wheels::wheels;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The folder of this flavour in the cache, made first if it is not there.
pub fn provide(cache: &Path, flavour: Flavour) -> Result<PathBuf> {
    let folder = flavour.folder(cache);
    if flavour.is_in(&folder) {
        return Ok(folder);
    }
    let wheels = wheels(flavour)?;
    let python = requirements::python()?;
    fs::create_dir_all(cache).map_err(|error| Failure::io("write", cache, &error))?;
    remove_left_overs(cache);
    // At most, as measured: for cpu torch's wheel twice (pip copies it), then once and unpacked; for cuda all
    // of it unpacked but the last wheel.
    let (needed, kept) = match flavour {
        Flavour::Cpu => (1200, 500),
        Flavour::Cuda => (4200, 3700),
    };
    requirements::space(cache, needed)?;

    let total: u64 = wheels.iter().map(|wheel| wheel.megabytes).sum();
    eprintln!("libtorch {VERSION} ({flavour}) is not in {} yet", cache.display());
    eprintln!("  {total} MB to download, {kept} MB to keep, {needed} MB on the way");
    let start = Instant::now();
    let partial = Partial::new(cache, flavour)?;
    for wheel in wheels {
        let file = download(&python, wheel, &partial.0)?;
        let unpacking = Instant::now();
        unpack(&file, &partial.0, flavour)?;
        fs::remove_file(&file).map_err(|error| Failure::io("remove", &file, &error))?;
        eprintln!("  {} {}: unpacked in {:.1} s", wheel.project, wheel.version, unpacking.elapsed().as_secs_f64());
    }
    complete(&partial.0, flavour).map_err(|error| Failure::io("write", &partial.0, &error))?;
    publish(&partial.0, &folder, flavour)?;
    eprintln!("  done in {:.0} s", start.elapsed().as_secs_f64());
    Ok(folder)
}

/// Adds what no wheel holds; see [`crate::libtorch`] for the reasons.
fn complete(folder: &Path, flavour: Flavour) -> std::io::Result<()> {
    let torch = folder.join("torch");
    fs::write(torch.join("lib/libtorch.so"), "/* GNU ld script */\nINPUT(-ltorch_cpu)\n")?;
    if flavour == Flavour::Cuda {
        for library in ["libc10_cuda.so", "libtorch_nvshmem.so"] {
            symlink(Path::new("../lib").join(library), torch.join("lib-cuda").join(library))?;
        }
    }
    let _ = fs::remove_dir(folder.join("wheel")); // pip's, empty by now
    fs::write(torch.join("build-version"), format!("{VERSION}+{flavour}\n"))
}

/// Gives the partial folder its final name, unless another process was first.
fn publish(partial: &Path, folder: &Path, flavour: Flavour) -> Result {
    if !flavour.is_in(partial) {
        return Err(Failure::new(format!("the wheels lack libraries that libtorch {VERSION} ({flavour}) needs"))
            .help("this is a fault of `cargo x`; please report it"));
    }
    match fs::rename(partial, folder) {
        Ok(()) => Ok(()),
        Err(_) if flavour.is_in(folder) => Ok(()),
        // Somebody has deleted a part of the final folder by hand.
        Err(_) => fs::remove_dir_all(folder)
            .and_then(|()| fs::rename(partial, folder))
            .map_err(|error| Failure::io("write", folder, &error)),
    }
}

/// A folder that this process fills; removed, if it was not renamed, when it goes out of scope.
struct Partial(PathBuf);

impl Partial {
    fn new(cache: &Path, flavour: Flavour) -> Result<Self> {
        let mut name = flavour.folder(cache).into_os_string();
        name.push(format!("{}{}", mark(), std::process::id()));
        let folder = PathBuf::from(name);
        let made = fs::remove_dir_all(&folder).or_else(missing).and_then(|()| fs::create_dir(&folder));
        made.map_err(|error| Failure::io("write", &folder, &error))?;
        Ok(Self(folder))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What stands between the final name and the process in the name of a partial folder. It has the machine's
/// name, because a cache may be shared and a process number means something on its own machine only.
fn mark() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!(".partial-{}-", host.trim())
}

/// Removes the partial folders of this machine's processes that are no more.
fn remove_left_overs(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.split_once(&mark())).map(|(_, process)| process);
        if let Some(process) = process.and_then(|process| process.parse::<u32>().ok())
            && !Path::new("/proc").join(process.to_string()).exists()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
