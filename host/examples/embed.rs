//! A search inside a program of one's own: a spec made in code, an observer, the genotype at the end.
//!
//! `cargo run --release --example embed` prints the result; the library itself prints nothing.

use edas::run::{Event, Observer};
use edas::spec::{Data, DataSet, Policy, Space, Spec};
use edas::{Result, Search};

/// Remembers the derived network's accuracy of every epoch.
#[derive(Default)]
struct Accuracies(Vec<f64>);

impl Observer for Accuracies {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Epoch(epoch, _) = event {
            self.0.push(epoch.derived_accuracy);
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let space = Space::File(concat!(env!("CARGO_MANIFEST_DIR"), "/specs/spaces/darts.yaml").into());
    let policy = Policy::script(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/edas.rhai"));
    let mut spec = Spec::new(space, policy, Data::new(DataSet::Digits, None));
    (spec.network.cells, spec.network.channels) = (3, 4);
    (spec.search.epochs, spec.search.batch, spec.data.limit) = (2, 32, Some(320));
    let mut accuracies = Accuracies::default();
    let outcome = Search::from_spec(spec)?.run(&mut [&mut accuracies])?;
    println!("{}", outcome.genotype.to_json());
    println!("derived accuracy per epoch: {:?}", accuracies.0);
    Ok(())
}
