//! `edas`: a host for differentiable architecture search.
//!
//! A search relaxes a *supernet*: a network whose every edge may become one of several *candidates*. EDAS (Hong, Ahn, Kim:
//! "EDAS: Efficient and Differentiable Architecture Search") relaxes ONE randomly drawn edge per iteration and runs every
//! other edge with its strongest candidate, so that the network that search trains is the network that is derived.
//!
//! **Extensions describe, the host executes.** A policy returns a symbolic plan, an op set returns a graph of layers, a space
//! is data. None of them touches a tensor. So the host can check, cost, export, replay and speed up whatever they describe.
//!
//! # One iteration
//!
//! ```text
//!     spec ─▶ space ─▶ supernet ◀──────────────┐
//!                         │ forward(plan)       │ α, weights
//!     policy ── plan ─────┘──▶ loss ─▶ gradients ─▶ optimizers
//!        ▲                                          │
//!        └───────────── feedback ◀── metrics ◀──────┘──▶ run directory
//! ```
//!
//! 1. The host asks the policy for this iteration's steps ([`policy`]). A step is a phase and a plan; a plan has a gate per
//!    edge: strongest, only one candidate, relaxed, off.
//! 2. The plan is resolved against α ([`policy::resolve`]): which candidate is strongest, what noise.
//! 3. An *architecture* step runs the supernet under the plan ([`supernet`]) on a batch of the search split, and takes the
//!    gradient of the relaxed rows of α alone; a *weights* step does it on the train split, for the weights in use
//!    ([`train::step`]).
//! 4. The policy hears the results, the run directory records them ([`run`]), and after each epoch the derived network is
//!    measured with the supernet's weights.
//!
//! # Where things are
//!
//! | folder | holds |
//! |---|---|
//! | [`spec`] | YAML to a typed, checked spec; its JSON schema; values with the places where they were written |
//! | [`extension`] | what comes from outside: plugin libraries, the script engine, the registry of names |
//! | [`graph`] | layer graphs: layers, shapes, cost; op sets |
//! | [`space`] | search spaces, genotypes, derivation |
//! | [`execute`] | executors of layer graphs |
//! | [`policy`] | plans, gates, turns; policies as scripts and from plugins, with models of their own |
//! | [`supernet`] | parameters, networks, the forward pass under a plan |
//! | [`data`] | data sets, splits, augmentation, batches |
//! | [`model`] | trained networks taken away: files, TorchScript, PyTorch source, predictions |
//! | `report` | runs, to be seen: pages, pictures, TensorBoard's files; behind the feature `report` |
//! | [`run`] | events, records, the run directory, checkpoints; where two runs part |
//! | [`train`] | optimizers, the search loop, evaluation, resuming, replay, golden files |
//! | [`problem`] | a small synthetic problem on which policies are tried |
//! | [`conformance`] | what op sets, spaces and policies of plugins must hold |
//! | `cli` | the command line, behind the feature `cli` |
//! | [`native`] | what libtorch and the system tell |
//!
//! Dependencies run one way: cli → problem, report → train → supernet, policy, data, run → execute → space, graph → extension → spec. Errors are
//! data ([`error`]), random numbers are functions of seed, purpose and position ([`random`]).
//!
//! # Embedding
//!
//! ```no_run
//! use edas::{Search, spec::Spec};
//!
//! # fn main() -> edas::Result<()> {
//! let spec = Spec::load("specs/quickstart.yaml", &["seed=1".to_owned()])?;
//! let outcome = Search::from_spec(spec)?.run(&mut [])?;
//! println!("{}", outcome.genotype.to_json());
//! # Ok(())
//! # }
//! ```
//!
//! A run that is kept in a directory, and that goes on where it stood when it ended before its time:
//!
//! ```no_run
//! use edas::train::{End, Interruption, resume::Resume};
//! use edas::{Search, spec::Spec};
//!
//! # fn main() -> edas::Result<()> {
//! let spec = Spec::load("specs/quickstart.yaml", &[])?;
//! let interruption = Interruption::default(); // any thread may utter it
//! if let Some(run) = Search::resume(spec, "runs/mine".as_ref(), Resume::default())? {
//!     let (search, mut directory) = (run.stage, run.directory);
//!     if let End::Interrupted { iteration } = search.run_unless(&interruption, &mut [&mut directory])? {
//!         println!("goes on after {iteration} iterations");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The library prints nothing, ends no process, and keeps no state but the plugins that were loaded and libtorch's own. With
//! `default-features = false` neither command line nor progress bars nor pictures are compiled; the feature `report` brings the last back.

#[cfg(feature = "cli")]
pub mod cli;
pub mod conformance;
pub mod data;
pub mod error;
pub mod execute;
pub mod extension;
pub mod graph;
pub mod model;
pub mod native;
pub mod policy;
pub mod problem;
pub mod random;
#[cfg(feature = "report")]
pub mod report;
pub mod run;
pub mod space;
pub mod spec;
pub mod supernet;
pub mod train;

pub use error::{Error, Result};
pub use train::{Outcome, Search};
