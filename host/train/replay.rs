//! A run once more, and compared with its record bit by bit.

use super::evaluation::Evaluation;
use super::search::Search;
use super::stage::{Observers, Stage};
use crate::error::{Error, Place, Result};
use crate::run::checkpoint::{Choice, Manifest};
use crate::run::compare::{Difference, Follow, Recorded};
use crate::run::contents::{Changed, POLICY, between, of_machine};
use crate::run::{Contents, Event, Machine, Observer, Snapshot};
use crate::spec::Spec;
use std::path::{Path, PathBuf};

/// A run that is about to be repeated: its input is sound, nothing has run.
pub struct Replay {
    recorded: Recorded,
    running: Box<dyn Stage>,
    from: Option<Manifest>,
    changes: Vec<Changed>,
    /// Checkpoints that were passed over, each with its fault.
    pub passed_over: Vec<(PathBuf, Error)>,
}

/// What is about to be repeated.
enum Prepared {
    Search(Box<Search>),
    Evaluation(Box<Evaluation>),
}

impl Prepared {
    fn contents(&self) -> Contents {
        match self {
            Self::Search(search) => search.setup().contents(),
            Self::Evaluation(evaluation) => evaluation.setup().contents(),
        }
    }

    fn start(self, from: Option<Snapshot>) -> Result<Box<dyn Stage>> {
        Ok(match self {
            Self::Search(mut search) => {
                search.from = from;
                Box::new(search.start()?)
            }
            Self::Evaluation(evaluation) => Box::new(evaluation.going_on_from(from).start()?),
        })
    }
}

/// What came of a repetition.
#[derive(Debug)]
pub struct Verdict {
    /// The first iteration that was repeated.
    pub from: u64,
    /// The number of iterations that were compared; the last is in parts where there is a difference.
    pub iterations: u64,
    /// The checkpoints that were compared, each by the iterations that are over.
    pub checkpoints: Vec<u64>,
    /// Whether the results were compared.
    pub result: bool,
    /// Where both failed with the same message: this one.
    pub failure: Option<String>,
    /// The first difference.
    pub difference: Option<Difference>,
    /// In what the machines that recorded these iterations differ from this one: name, then, now.
    pub machine: Vec<[String; 3]>,
    /// What the run was made of and is another now.
    pub changes: Vec<Changed>,
    /// What of the record could not be read, and so was not compared.
    pub unread: Vec<Error>,
}

impl Replay {
    /// Prepares the repetition of a run, from its beginning or from one of its checkpoints, with further settings.
    ///
    /// # Errors
    /// Where the directory holds no run, no iteration to repeat, or not this checkpoint; where what the run was made of cannot be used; and
    /// where the run went on with other inputs than its spec names, for a repetition that begins before.
    pub fn prepare(run: &Path, from: Option<&Choice>, settings: &[String]) -> Result<Self> {
        let recorded = Recorded::read(run)?;
        let (checkpoint, passed_over) = match from {
            Some(choice) => {
                choice.read(run, |manifest| recorded.goes_on_from(manifest)).map(|(c, passed)| (Some(c), passed))?
            }
            None => (None, Vec::new()),
        };
        let iteration = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.manifest.state.iteration);
        can_begin(&recorded, iteration)?;
        let spec = Spec::load(run.join("spec.yaml"), settings)?;
        let prepared = if spec.is_search() {
            Prepared::Search(Box::new(Search::from_spec(spec)?))
        } else {
            Prepared::Evaluation(Box::new(Evaluation::from_spec(spec, None)?))
        };
        let contents = prepared.contents();
        let mut changes = between((&recorded.spec, &recorded.hashes), (&contents.spec, &contents.hashes()))?;
        // Copies of scripts have other names once they are copied again; threads and device are the machine's.
        let told = |what: &str| what.starts_with(&format!("{POLICY}inputs/")) || of_machine(what);
        changes.retain(|change| !told(&change.what));
        changes.extend(recorded.changed_scripts());
        let from = checkpoint.as_ref().map(|checkpoint| checkpoint.manifest.clone());
        let running = prepared.start(checkpoint.map(|checkpoint| checkpoint.into_snapshot()))?;
        Ok(Self { recorded, running, from, changes, passed_over })
    }

    /// Runs again, at most so many iterations, up to the first difference. Observers hear of it as of a search.
    ///
    /// # Errors
    /// Where the run fails in another way than the record says.
    pub fn run(self, iterations: Option<u64>, observers: Observers) -> Result<Verdict> {
        let begin = self.running.next();
        let end = self.recorded.iterations.max(begin);
        let end = end.min(begin.saturating_add(iterations.unwrap_or(u64::MAX)));
        // The record of an unfinished run ends where it was interrupted, which is no end of a search.
        let whole = end >= self.recorded.iterations && self.recorded.is_finished();
        let here = Machine::here(self.running.spec());
        let mut both = Both { follow: Follow::new(&self.recorded, self.from.as_ref())?, others: observers };
        let mut failure = None;
        let result = repeat(self.running, &mut both, end, whole);
        let Follow { difference, checkpoints, result: compared, unread, .. } = both.follow;
        let mut last = end;
        match (result, &difference) {
            (_, Some(difference)) => last = difference.iteration + 1,
            (Ok(()), None) => {}
            (Err(error), None) => match self.recorded.failure() {
                Some(text) if is_of(&error, &text) => failure = Some(text.trim_end().to_owned()),
                _ => return Err(error),
            },
        }
        let mut machine: Vec<[String; 3]> = Vec::new();
        for there in self.recorded.machines(begin..last.max(begin + 1)) {
            let new = there.differences(&here).into_iter().filter(|line| !machine.contains(line));
            machine.extend(new.collect::<Vec<_>>());
        }
        Ok(Verdict {
            from: begin,
            iterations: last.saturating_sub(begin),
            checkpoints,
            result: compared,
            failure,
            difference,
            machine,
            changes: self.changes,
            unread,
        })
    }
}

/// Whether a failure is the one that a text tells: the files of a run lie elsewhere when it is repeated.
fn is_of(error: &Error, text: &str) -> bool {
    let fields = error.fields();
    std::iter::once(&fields.what).chain(&fields.context).all(|part| text.contains(part.as_str()))
}

/// Whether a run can be repeated from there: it is one run from there on, and there is something to compare.
fn can_begin(recorded: &Recorded, iteration: u64) -> Result<()> {
    if let Some(session) = recorded.altered().filter(|session| session.iteration > iteration) {
        let changes = session.accepted.iter().filter(|change| !change.what.starts_with(POLICY));
        let line = |Changed { what, recorded, now }: &Changed| format!("{what}: {recorded} then, {now} afterwards");
        let changes: Vec<String> = changes.map(line).collect();
        return Err(Error::new(format!("at iteration {} the run went on with something else", session.iteration))
            .at(Place::file(recorded.path()))
            .expected(format!("a checkpoint after at least {} iterations to repeat it from", session.iteration))
            .found(changes.join("\n       "))
            .help(
                "`--from newest` takes the newest checkpoint; `inputs/until-…/spec.yaml` is the spec that held before",
            ));
    }
    if iteration >= recorded.iterations && !recorded.is_finished() {
        return Err(Error::new("the record has no iteration to compare")
            .at(Place::file(recorded.path()))
            .expected(format!("an iteration after the first {iteration}"))
            .found(format!("{} iterations", recorded.iterations)));
    }
    Ok(())
}

/// Repeats the iterations of a record up to `end`; where the record is `whole`, the end of the search too.
fn repeat(mut running: Box<dyn Stage>, both: &mut Both, end: u64, whole: bool) -> Result<()> {
    running.begin(&mut [both])?;
    loop {
        if !running.is_pending() {
            if running.is_over(end) {
                break;
            }
            running.advance(&mut [both])?;
            both.state(&*running, false)?;
        }
        let last = whole && running.next() >= end;
        running.settle(&mut [both], last, false)?;
        both.state(&*running, last)?;
        if both.follow.difference.is_some() {
            return Ok(());
        }
    }
    if running.next() < end {
        let (over, expected) = (running.next(), end.to_string());
        both.follow.difference =
            Some(Difference::new(over - 1, "the number of iterations", expected, over.to_string()));
    }
    if whole && both.follow.difference.is_none() {
        both.follow.end()?;
        if both.follow.difference.is_none() {
            running.finish(&mut [both])?;
        }
    }
    Ok(())
}

/// Who compares, and who else listens.
struct Both<'a, 'b, 'c> {
    follow: Follow<'a>,
    others: &'b mut [&'c mut dyn Observer],
}

impl Both<'_, '_, '_> {
    fn state(&mut self, running: &dyn Stage, last: bool) -> Result<()> {
        if self.follow.difference.is_none() && self.follow.wants_state(running.next(), !running.is_pending()) {
            self.follow.state(running.snapshot()?, last)?;
        }
        Ok(())
    }
}

impl Observer for Both<'_, '_, '_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        self.others.iter_mut().try_for_each(|other| other.event(event))?;
        self.follow.event(event)
    }
}
