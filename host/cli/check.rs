//! `edas check` of a spec: everything short of training, what it costs, and how long it would take.

use super::output::{self, bytes, count, duration};
use super::{Done, Failure, SpecOptions, cost, run_files};
use crate::native;
use crate::policy::CandidateCost;
use crate::space::Candidate;
use crate::spec::Every;
use crate::train::Search;
use crate::train::setup::Setup;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// The options of `edas check`.
#[derive(clap::Args)]
pub(super) struct Options {
    // A run, a genotype file and a published text are taken as well.
    #[command(flatten)]
    spec: SpecOptions,
    /// Of a genotype: what it costs as this spec trains it from scratch, and whether that is within its `constraints`. In the settings that
    /// papers report where it is not given.
    #[arg(long, value_name = "SPEC")]
    by: Option<PathBuf>,
    /// Run no iterations: say nothing of time.
    #[arg(long)]
    no_timing: bool,
    /// Print the resolved spec, with every default filled in, and nothing else.
    #[arg(long)]
    resolved: bool,
}

/// Iterations that are timed, after one that is not.
const TIMED: usize = 3;

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let given = &options.spec.spec;
    if options.by.is_some() || run_files::is_genotype(given) {
        let genotype = run_files::genotype(given, None, None)?;
        let spec = options.by.as_ref().map(|by| SpecOptions { spec: by.clone(), ..options.spec.clone() }.load());
        return cost::run(&genotype, spec.transpose()?, json_wanted);
    }
    let spec = options.spec.load()?;
    if options.resolved {
        let setup = Setup::new(spec, crate::train::setup::Need::Sizes, None)?;
        return output::print(&setup.spec.to_yaml()?);
    }
    let mut search = Search::from_spec(spec)?;
    let memory = search.memory().map_err(Failure::Later)?;
    let setup = search.setup();
    let mut report = serde_json::Map::new();
    let mut put = |name: &str, value: Value| report.insert(name.to_owned(), value);
    let network = &setup.network;
    let weights: i64 = network.parameters.iter().filter(|p| p.trained).map(|p| p.tensor.numel() as i64).sum();
    let iterations = search.iterations_per_epoch() * u64::from(setup.spec.search.epochs);
    put("spec", json!(setup.spec.name));
    put("space", json!(setup.space.name));
    put("edges", json!(setup.space.edge_count()));
    put("classes", json!(setup.images.classes));
    put("images", json!(setup.images.count));
    put("epochs", json!(setup.spec.search.epochs));
    put("iterations", json!(iterations));
    put("parameters", json!(weights));
    let alpha = setup.initial_alpha();
    let strongest = crate::policy::Plan::strongest(alpha.len()).resolve(&alpha, 0);
    put("multiply_adds_strongest", json!(network.cost(&strongest).multiply_adds));
    put("memory_estimate_bytes", json!(memory));
    let candidates = candidates(setup);
    put("candidates", Value::Array(candidates.clone()));
    if !options.no_timing {
        let timing = time(search).map_err(Failure::Later)?;
        report.extend(timing);
    }
    let report = Value::Object(report);
    if json_wanted {
        return output::json(&report);
    }
    output::print(&text(&report, &candidates))
}

/// The candidates of each cell type by their names, in the order in which its edges name them first.
fn candidates(setup: &Setup) -> Vec<Value> {
    let costs = setup.network.candidate_costs();
    let mut list = Vec::new();
    for cell in &setup.space.cell_types {
        let mut offered: Vec<(&Candidate, Vec<CandidateCost>)> = Vec::new();
        for (edge, row) in cell.edges.iter().zip(&costs[cell.first_edge..]) {
            for (candidate, cost) in edge.candidates.iter().zip(row) {
                match offered.iter_mut().find(|(first, _)| first.name == candidate.name) {
                    Some((_, costs)) => costs.push(*cost),
                    None => offered.push((candidate, vec![*cost])),
                }
            }
        }
        for (candidate, costs) in offered {
            // Of one edge, all cells of the type together; edges with another stride cost another amount.
            let multiply_adds = || costs.iter().map(|cost| cost.multiply_adds);
            list.push(json!({
                "cell": cell.name,
                "candidate": candidate.name,
                "op_set": candidate.operation.op_set(),
                "edges": costs.len(),
                "parameters": costs.iter().map(|cost| cost.parameters).max(),
                "multiply_adds_least": multiply_adds().min(),
                "multiply_adds_most": multiply_adds().max(),
            }));
        }
    }
    list
}

fn time(search: Search) -> crate::Result<serde_json::Map<String, Value>> {
    let iterations = search.iterations_per_epoch() * u64::from(search.setup().spec.search.epochs);
    let mut running = search.start()?;
    let mut times = Vec::new();
    for i in 0..=TIMED {
        let begun = Instant::now();
        running.iteration(&mut []).map_err(|e| running.explain(e))?;
        if i > 0 {
            times.push(begun.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    let iteration = times[TIMED / 2];
    let epochs = f64::from(running.spec.search.epochs);
    let validations = match running.spec.validation.every {
        Every::Epoch => epochs,
        Every::Iterations(n) => epochs + (iterations / n) as f64,
    };
    // Two networks per validation, each forward over all validation images.
    let validation = 2.0 * running.time_of_validation()?;
    let total = iterations as f64 * iteration + validations * validation;
    let mut map = serde_json::Map::new();
    map.insert("seconds_per_iteration".to_owned(), json!(iteration));
    map.insert("seconds_per_validation".to_owned(), json!(validation));
    map.insert("seconds_predicted".to_owned(), json!(total));
    map.insert("memory_measured_bytes".to_owned(), json!(native::peak_memory()));
    Ok(map)
}

fn text(report: &Value, candidates: &[Value]) -> String {
    let mut table =
        output::table(["cell", "candidate", "op set", "edges", "parameters, most", "multiply-adds, least", "most"]);
    let number = |v: &Value, key: &str| count(v[key].as_i64().unwrap_or(0));
    let word = |v: &Value, key: &str| v[key].as_str().unwrap_or_default().to_owned();
    for c in candidates {
        table.add_row([
            word(c, "cell"),
            word(c, "candidate"),
            word(c, "op_set"),
            number(c, "edges"),
            number(c, "parameters"),
            number(c, "multiply_adds_least"),
            number(c, "multiply_adds_most"),
        ]);
    }
    let mut facts = output::table(["", ""]);
    let mut fact = |name: &str, value: String| {
        facts.add_row([name.to_owned(), value]);
    };
    fact("space", format!("{}, {} edges", word(report, "space"), report["edges"]));
    fact("data", format!("{} training images, {} classes", report["images"], report["classes"]));
    fact("iterations", format!("{} in {} epochs", report["iterations"], report["epochs"]));
    fact("parameters of the supernet", number(report, "parameters"));
    fact("multiply-adds, strongest candidates", number(report, "multiply_adds_strongest"));
    let memory = report["memory_estimate_bytes"].as_f64().unwrap_or(0.0);
    fact("memory, estimated", bytes(memory));
    if let Some(seconds) = report["seconds_per_iteration"].as_f64() {
        if let Some(measured) = report["memory_measured_bytes"].as_f64() {
            fact("memory, measured, program included", bytes(measured));
        }
        fact("one iteration", format!("{seconds:.3} s"));
        fact("one validation", duration(report["seconds_per_validation"].as_f64().unwrap_or(0.0)));
        fact("the whole search", format!("about {}", duration(report["seconds_predicted"].as_f64().unwrap_or(0.0))));
    }
    let facts: Vec<String> = facts.trim_fmt().lines().skip(1).map(str::to_owned).collect();
    format!(
        "{}\n\ncandidates: parameters and multiply-adds of one edge, all cells of the type together\n{}\n\nThe spec is sound.\n",
        facts.join("\n"),
        table.trim_fmt()
    )
}
