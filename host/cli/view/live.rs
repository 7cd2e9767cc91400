//! The view of a run of this process: it listens as others do, and a thread of its own draws.

use super::control::Control;
use super::model::Model;
use super::{keys, screen};
use crate::error::Result;
use crate::native;
use crate::report::history::edges;
use crate::run::lines::Lines;
use crate::run::{Event, Observer, ScriptEvent};
use crate::train::Interruption;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often a run that waits looks whether it still has to.
const LOOK: Duration = Duration::from_millis(50);

/// A listener that shows a run on the terminal.
pub(in super::super) struct Live {
    model: Arc<Mutex<Model>>,
    control: Arc<Control>,
    lines: Lines,
    threads: Vec<JoinHandle<()>>,
}

impl Live {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub(in super::super) fn new(name: &str, interruption: &Interruption) -> Result<Self> {
        let caught = screen::take()?;
        let model = Arc::new(Mutex::new(Model::new(name)));
        let control = Arc::new(Control::of(interruption));
        let seen = model.clone();
        let listener = thread::spawn(move || {
            screen::each_line(caught, |line| lock(&seen).say(line));
        });
        let (seen, steered) = (model.clone(), control.clone());
        let drawer = thread::spawn(move || {
            let held = screen::Held;
            let ended = keys::run(&seen, &steered, |model| model.memory = native::peak_memory());
            if let Err(error) = ended {
                // The run goes on without a view.
                drop(held);
                super::super::output::say(&error.to_string());
            }
        });
        Ok(Self { model, control, lines: Lines::default(), threads: vec![drawer, listener] })
    }

    /// Waits while the run is to pause, unless it is to be saved first.
    fn wait(&self) {
        while self.control.is_paused() && !self.control.is_save_wanted() && self.is_shown() {
            thread::sleep(LOOK);
        }
    }

    fn is_shown(&self) -> bool {
        self.threads.first().is_some_and(|drawer| !drawer.is_finished())
    }
}

fn lock(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Live {
    fn event(&mut self, event: &Event) -> Result<()> {
        let mut model = lock(&self.model);
        for (log, line) in self.lines.of(event) {
            model.line(log, &line);
        }
        match event {
            Event::Started(overview) => {
                model.edges = edges::of_space(overview.space);
                (model.epochs, model.per_epoch) = (Some(overview.epochs), Some(overview.iterations_per_epoch));
                model.iterations = overview.iteration;
                let [train, search, _] = overview.images;
                model.say(&format!("{train} images train weights, {search} search"));
            }
            Event::EvaluationStarted(overview) => {
                (model.epochs, model.per_epoch) = (Some(overview.epochs), Some(overview.iterations_per_epoch));
                model.iterations = overview.iteration;
                let [train, test] = overview.images;
                model.say(&format!("{train} images train, {test} test"));
            }
            Event::Script(ScriptEvent::Planned(change) | ScriptEvent::Changed(change)) => {
                let script = change.files.script.display();
                model.say(&format!("from iteration {} on the script is {script}", change.iteration));
            }
            Event::Script(ScriptEvent::Refused(error)) => {
                model.say(&format!("the changed script cannot be used, the old one stays: {error}"));
            }
            Event::Checkpoint(_) => {
                let iterations = model.iterations;
                model.say(&format!("saved after {iterations} iterations"));
                drop(model);
                self.wait();
                // What was asked for meanwhile is done.
                self.control.take_save();
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_checkpoint(&mut self) -> bool {
        self.wait();
        self.control.take_save()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.control.end();
        let mut threads = std::mem::take(&mut self.threads).into_iter();
        let drawer = threads.next().map(JoinHandle::join);
        screen::give_back();
        if let Some(Err(_)) = drawer {
            super::super::output::say("the view has failed; the run did not");
        }
        // All who wrote to the pipe have let it go.
        threads.for_each(|listener| drop(listener.join()));
        for line in &lock(&self.model).log {
            super::super::output::say(line);
        }
    }
}
