//! `edas search --then`: a search, and the training of what it found.

use super::profile::Profile;
use super::search::{How, Options, Then, located, search, summary};
use super::{Done, Failure, evaluate, output, signals};
use crate::run::RunDirectory;
use crate::space::Genotype;

/// Searches, then trains what was found from scratch, by the spec's own section; either goes on with `--resume`.
pub(super) fn run(options: &Options, then: Then, json: bool, profile: Option<&Profile>) -> Done {
    let interruption = signals::interruption()?;
    let (spec, path) = located(options)?;
    let scratch = then.into();
    let training = spec.clone().only(scratch)?;
    let folder = evaluate::beside(&path, scratch);
    let how = options.how();
    if !how.resume {
        // Before the search takes its hours.
        RunDirectory::refuse_existing(&folder)?;
    }
    let outcome = search(spec, &path, &How { profile, ..how }, &interruption)?;
    if let (Some(outcome), false) = (outcome, json) {
        output::print(&summary(&outcome, &path))?;
    }
    let genotype = Genotype::read(&path.join("genotype.json")).map_err(Failure::Later)?;
    evaluate::one(training, Some(genotype), &folder, &how, &interruption, json).map_err(Failure::after)
}
