//! Fetches one wheel with pip and checks that it is the one that was meant.

use crate::failure::{Failure, Result};
use crate::wheels::{ARCHITECTURE, Wheel};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The platforms that the wheels are tagged with. pip compares them by name, so each is listed.
const PLATFORMS: [&str; 10] = [
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_25",
    "manylinux_2_18",
    "manylinux_2_17",
    "manylinux2014",
    "manylinux_2_12",
    "manylinux2010",
    "manylinux_2_5",
    "manylinux1",
];

/// Downloads a wheel into `folder`, which holds pip's temporary files too.
pub fn download(python: &Path, wheel: &Wheel, folder: &Path) -> Result<PathBuf> {
    let Wheel { project, version, megabytes, .. } = wheel;
    eprintln!("  {project} {version}: downloading {megabytes} MB");
    let start = Instant::now();
    let target = folder.join("wheel");
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--no-cache-dir"])
        .args(["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"])
        .args(PLATFORMS.iter().flat_map(|name| ["--platform".to_owned(), format!("{name}_{ARCHITECTURE}")]))
        .arg("--dest")
        .arg(&target)
        // Three equals signs: a second index may offer 2.13.0+cpu, which two would take for 2.13.0.
        .arg(format!("{project}==={version}"))
        .env("TMPDIR", folder) // on the disk whose space was checked, and removed with the rest
        .env("PIP_REQUIRE_VIRTUALENV", "0") // nothing is installed
        .stdin(Stdio::null());
    let output = run(&mut pip).map_err(|error| Failure::io("start", python, &error))?;
    if let Some(output) = output {
        return Err(explain(wheel, folder, &output));
    }

    let file = fs::read_dir(&target)
        .map_err(|error| Failure::io("read", &target, &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Failure::new(format!("pip saved no file for {project} {version}")))?;
    check(wheel, &file)?;
    eprintln!("  {project} {version}: downloaded and checked in {:.1} s", start.elapsed().as_secs_f64());
    Ok(file)
}

/// Runs pip. Its progress goes to our stderr if a person is watching, and its warnings always; when it
/// fails, what it complained about comes back.
fn run(pip: &mut Command) -> io::Result<Option<String>> {
    let progress = match io::stderr().is_terminal() {
        true => Stdio::from(io::stderr().as_fd().try_clone_to_owned()?),
        false => Stdio::null(),
    };
    let mut pip = pip.stdout(progress).stderr(Stdio::piped()).spawn()?;
    let mut complaints = String::new();
    if let Some(stderr) = pip.stderr.take() {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        while stderr.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            if text.starts_with("WARNING: Retrying") {
                eprintln!("    no answer, trying again: {}", reason(&text));
            } else if text.starts_with("WARNING") {
                eprint!("    {text}");
            }
            complaints += &text;
            line.clear();
        }
    }
    Ok(if pip.wait()?.success() { None } else { Some(complaints) })
}

/// What pip's complaints mean.
fn explain(wheel: &Wheel, folder: &Path, complaints: &str) -> Failure {
    let says = |signs: &[&str]| signs.iter().any(|sign| complaints.contains(sign));
    let errors: Vec<&str> = complaints.lines().filter(|line| line.starts_with("ERROR")).collect();
    let found = if errors.is_empty() { complaints } else { &errors.join("\n") };
    if says(&["No space left on device", "Errno 28"]) {
        return Failure::disk_full(folder);
    }
    let failure = Failure::new(format!("cannot download {} {}", wheel.project, wheel.version));
    if says(&NETWORK) {
        // The last retry's reason says more than "no matching distribution", which follows from it.
        let last = complaints.lines().rfind(|line| NETWORK.iter().any(|sign| line.contains(sign)));
        return failure.expected("pip to reach its package index").found(last.map_or(found, reason)).help(
            "check the network and pip's settings (`python3 -m pip config list`, HTTPS_PROXY) and run this again; or \
             copy the cache folder from a machine that has it; or set LIBTORCH to the folder of a libtorch 2.13.0",
        );
    }
    if says(&["No matching distribution"]) {
        return failure.expected("pip's package index to have it").found(found).help(
            "let pip use https://pypi.org/simple or a full mirror of it (PIP_INDEX_URL, `python3 -m pip config \
             list`); a pip older than 20.3 has to be updated",
        );
    }
    failure.found(found).help("`python3 -m pip --version` and the message above may tell why")
}

/// What pip says when it cannot reach its index.
const NETWORK: [&str; 9] = [
    "NewConnectionError",
    "Connection refused",
    "Connection reset",
    "Connection broken",
    "timed out",
    "Name or service not known",
    "name resolution",
    "ProxyError",
    "SSLError",
];

/// The part of a line about a retry that says why: `… broken by 'Error("<… at 0x7f…>: REASON")': /torch/`.
fn reason(line: &str) -> &str {
    let start = [">: ", "broken by '"].iter().find_map(|sign| Some(line.rfind(sign)? + sign.len())).unwrap_or(0);
    let end = ["')': ", "\")': "].iter().find_map(|sign| line.rfind(sign)).unwrap_or(line.len());
    line.get(start..end).unwrap_or(line).trim()
}

/// Checks a file against its pin.
fn check(wheel: &Wheel, file: &Path) -> Result {
    let found = sha256(file).map_err(|error| Failure::io("read", file, &error))?;
    if found == wheel.sha256 {
        return Ok(());
    }
    let size = fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    let name = file.file_name().unwrap_or_default();
    Err(Failure::new(format!("{} is not the file that was published", name.display()))
        .expected(format!("SHA-256 {}", wheel.sha256))
        .found(format!("SHA-256 {found} ({size} bytes)"))
        .help(
            "run this again if the download broke off; otherwise a mirror serves another file: see \
             `python3 -m pip config list`, PIP_INDEX_URL and PIP_FIND_LINKS",
        ))
}

fn sha256(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hash.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::Flavour;
    use crate::wheels::wheels;

    #[test]
    fn explains_pip() {
        let explained =
            |complaints: &str| explain(&wheels(Flavour::Cpu).unwrap()[0], Path::new("/cache"), complaints).to_string();
        let retry = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor.\
                     HTTPConnection object at 0x7f>: Failed to establish a new connection: refused')': /torch/\n";
        let none = "ERROR: No matching distribution found for torch===2.13.0\n";
        let message = explained(&format!("{retry}{none}"));
        assert!(message.contains("found: Failed to establish a new connection: refused\n"), "{message}");
        assert!(message.contains("check the network"), "{message}");
        let retry = "WARNING: Retrying (…) after connection broken by 'NameResolutionError(\"HTTPSConnection(host='h', \
                     port=443): Failed to resolve 'h' ([Errno -2] Name or service not known)\")': /simple/torch/\n";
        let message = explained(&format!("{retry}{none}"));
        assert!(message.contains("Failed to resolve 'h' ([Errno -2] Name or service not known)\n"), "{message}");
        assert!(explained(none).contains("PIP_INDEX_URL"));
        assert!(explained("ERROR: [Errno 28] No space left on device").contains("the disk is full"));
        assert!(explained("Traceback").contains("found: Traceback"));
    }

    #[test]
    fn hashes() {
        let file = std::env::temp_dir().join(format!("xtask-hash-{}", std::process::id()));
        fs::write(&file, "abc").unwrap();
        let hash = sha256(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
