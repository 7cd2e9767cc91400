//! The view of a run of this process: it listens as others do, and a thread of its own draws.

use super::control::Control;
use super::seen::Seen;
use super::{keys, screen};
use crate::error::Result;
use crate::native;
use crate::report::history::edges;
use crate::run::lines::Lines;
use crate::run::{Event, Observer, ScriptEvent};
use crate::train::Interruption;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a run that waits looks whether it still has to.
const LOOK: Duration = Duration::from_millis(50);
/// How long the view may take to end: a terminal that takes no more may hold it up for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// A listener that shows a run on the terminal.
pub(in super::super) struct Live {
    seen: Arc<Mutex<Seen>>,
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
        let seen = Arc::new(Mutex::new(Seen::new(name)));
        let control = Arc::new(Control::of(interruption));
        let heard = seen.clone();
        let listener = thread::spawn(move || {
            screen::each_line(caught, |line| lock(&heard).say(line));
        });
        let (shown, steered) = (seen.clone(), control.clone());
        let drawer = thread::spawn(move || {
            let held = screen::Held;
            let ended = keys::run(&shown, &steered, |seen| seen.memory = native::peak_memory());
            if let Err(error) = ended {
                // The run goes on without a view.
                drop(held);
                super::super::output::say(&error.to_string());
            }
        });
        Ok(Self { seen, control, lines: Lines::default(), threads: vec![drawer, listener] })
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

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Live {
    fn event(&mut self, event: &Event) -> Result<()> {
        let mut seen = lock(&self.seen);
        for (log, line) in self.lines.of(event) {
            seen.line(log, &line);
        }
        match event {
            Event::Started(overview) => {
                seen.edges = edges::of_space(overview.space);
                (seen.epochs, seen.per_epoch) = (Some(overview.epochs), Some(overview.iterations_per_epoch));
                seen.iterations = overview.iteration;
                let [train, search, _] = overview.images;
                seen.say(&format!("{train} images train weights, {search} search"));
            }
            Event::EvaluationStarted(overview) => {
                (seen.epochs, seen.per_epoch) = (Some(overview.epochs), Some(overview.iterations_per_epoch));
                seen.iterations = overview.iteration;
                let [train, test] = overview.images;
                seen.say(&format!("{train} images train, {test} test"));
            }
            Event::Script(ScriptEvent::Planned(change) | ScriptEvent::Changed(change)) => {
                let script = change.files.script.display();
                seen.say(&format!("from iteration {} on the script is {script}", change.iteration));
            }
            Event::Script(ScriptEvent::Refused(error)) => {
                seen.say(&format!("the changed script cannot be used, the old one stays: {error}"));
            }
            Event::Checkpoint(_) => {
                let iterations = seen.iterations;
                seen.say(&format!("saved after {iterations} iterations"));
                drop(seen);
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
        let begun = Instant::now();
        while self.is_shown() && begun.elapsed() < PATIENCE {
            thread::sleep(LOOK / 5);
        }
        screen::give_back();
        if !self.is_shown() {
            let mut threads = std::mem::take(&mut self.threads).into_iter();
            if let Some(Err(_)) = threads.next().map(JoinHandle::join) {
                super::super::output::say("the view has failed; the run did not");
            }
            // All who wrote to the pipe have let it go.
            threads.for_each(|listener| drop(listener.join()));
        }
        for line in &lock(&self.seen).log {
            super::super::output::say(line);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::cli::message;
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    use std::io::Read;

    const CHILD: &str = "EDAS_TEST_PANICS";

    /// Run by the test below in a terminal: takes it, and panics.
    #[test]
    #[ignore = "the other test runs it"]
    fn panics() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let done = message::without_panics(|| {
            let view = Live::new("a run", &Interruption::default());
            let mut view = view.map_err(crate::cli::Failure::Later)?;
            lock(&view.seen).say("it was seen");
            eprintln!("it was caught");
            while !view.wants_checkpoint() {
                view.control.save();
                thread::sleep(Duration::from_secs(1));
            }
            panic!("the run is broken")
        });
        if let Err(crate::cli::Failure::Later(error)) = done {
            message::show(&error);
        }
    }

    #[test]
    fn a_panic_leaves_a_clean_terminal() {
        let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let modes = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", "cli::view::live::tests::panics", "--ignored", "--nocapture"]);
        command.env(CHILD, "1");
        let mut child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let mut shown = vt100::Parser::new(30, 100, 100);
        let mut was_taken = false;
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            shown.process(&buffer[..count]);
            was_taken |= shown.screen().alternate_screen();
        }
        child.wait().expect("it ends");
        let text = shown.screen().contents();
        assert!(was_taken && !shown.screen().alternate_screen() && !shown.screen().hide_cursor(), "{text}");
        assert_eq!(format!("{:?}", pair.master.get_termios()), modes);
        for expected in ["it was seen", "it was caught", "the run is broken"] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
