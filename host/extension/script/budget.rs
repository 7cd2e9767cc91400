//! What one call of a script has used, and when that is too much.
//!
//! The engine's own count of operations starts anew in callbacks (`filter`, `map`, …), so they are counted here, wherever they
//! happen. A call belongs to one thread: its budget lies there while it runs, and calls on other threads have their own.

use crate::spec::Sandbox;
use rhai::{Dynamic, Position};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// How far the stack may grow, in bytes: half of what a thread has where nothing else is said.
const STACK: usize = 1 << 20;

/// Operations between two looks at the clock.
const BETWEEN_LOOKS: u64 = 16;

/// Microseconds between two looks at the memory, which cost some microseconds themselves.
const BETWEEN_WEIGHINGS: u64 = 1000;

/// What a script was stopped for, other than what the engine finds itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// `sandbox.operations`.
    Operations,
    /// `sandbox.milliseconds`.
    Time,
    /// `sandbox.memory`.
    Memory,
    /// The thread's stack.
    Stack,
}

/// What one call has used.
pub(super) struct Budget {
    limits: Sandbox,
    started: Instant,
    /// The stack's address where the call began.
    stack: usize,
    operations: Cell<u64>,
    /// The process's memory at the first weighing, in bytes.
    memory: Cell<Option<u64>>,
    weighed: Cell<u64>,
    printed_lines: Cell<u64>,
    printed_bytes: Cell<u64>,
    /// Where the script was when it was stopped: the number of its file, and the place within it.
    stopped: RefCell<Option<(usize, Position)>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Budget>>> = const { RefCell::new(None) };
}

/// Puts the budget of an outer call back, also where the inner one panics.
struct Restore(Option<Rc<Budget>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Does something within limits, and says where it was stopped, if it was.
pub(super) fn within<R>(limits: &Sandbox, work: impl FnOnce() -> R) -> (R, Option<(usize, Position)>) {
    let budget = Rc::new(Budget {
        limits: limits.clone(),
        started: Instant::now(),
        stack: address(),
        operations: Cell::new(0),
        memory: Cell::new(None),
        weighed: Cell::new(0),
        printed_lines: Cell::new(0),
        printed_bytes: Cell::new(0),
        stopped: RefCell::new(None),
    });
    let restore = Restore(CURRENT.replace(Some(budget.clone())));
    let result = work();
    drop(restore);
    let stopped = budget.stopped.take();
    (result, stopped)
}

/// The running call's budget; none outside of calls.
pub(super) fn current() -> Option<Rc<Budget>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Counts an operation of the running call.
pub(super) fn tick() -> Option<Dynamic> {
    CURRENT.with_borrow(|budget| budget.as_ref().and_then(|b| b.tick())).map(Dynamic::from)
}

impl Budget {
    fn tick(&self) -> Option<Stop> {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        if operations > self.limits.operations {
            return Some(Stop::Operations);
        }
        if !operations.is_multiple_of(BETWEEN_LOOKS) {
            return None;
        }
        let elapsed = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if elapsed / 1000 > self.limits.milliseconds {
            return Some(Stop::Time);
        }
        if elapsed < self.weighed.get() + BETWEEN_WEIGHINGS {
            return None;
        }
        self.weighed.set(elapsed);
        let now = resident()?;
        let before = self.memory.get().unwrap_or(now);
        self.memory.set(Some(before.min(now)));
        (now.saturating_sub(before) > self.limits.memory).then_some(Stop::Memory)
    }

    /// Whether the stack has grown as far as it may.
    pub(super) fn stack_is_used_up(&self) -> bool {
        self.stack.abs_diff(address()) > STACK
    }

    /// Keeps the innermost place at which the script was stopped.
    pub(super) fn stopped_at(&self, file: usize, position: Position) {
        self.stopped.borrow_mut().get_or_insert((file, position));
    }

    /// What of a printed text still goes to the log: all, the last of it, or nothing.
    pub(super) fn print(&self, text: &str) -> Printed {
        let (lines, bytes) = (self.printed_lines.get(), self.printed_bytes.get());
        if lines > self.limits.print_lines || bytes > self.limits.print_bytes {
            return Printed::Nothing;
        }
        let lines = lines + text.lines().count().max(1) as u64;
        let bytes = bytes + text.len() as u64;
        self.printed_lines.set(lines);
        self.printed_bytes.set(bytes);
        match lines > self.limits.print_lines || bytes > self.limits.print_bytes {
            true => Printed::TooMuch,
            false => Printed::All,
        }
    }
}

/// What becomes of a printed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printed {
    /// It goes to the log.
    All,
    /// It is the first that is left out.
    TooMuch,
    /// It is left out, as others were before.
    Nothing,
}

/// About where the stack ends now.
#[inline(never)]
fn address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// The process's memory in bytes, files aside; none where the system does not say.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
