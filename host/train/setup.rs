//! From a spec to everything that a search needs: plugins loaded, space resolved, network built, policy compiled.
//! Whatever is wrong with the input shows here, before anything is trained.

use super::inputs::Inputs;
use super::plugins::{self, place};
use super::reload::{Scripts, compile};
use crate::data::{self, DataSet, Part};
use crate::error::{Error, Place, Result};
use crate::extension::{Origin, Plugin};
use crate::graph::{Form, OpSet, OpSets};
use crate::policy::{PluginPolicies, Policy, ScriptPolicy, SpaceView};
use crate::random::{Purpose, Source};
use crate::run::Files;
use crate::space::{Alpha, PluginSpaces, Space};
use crate::spec::{self, Device, Node, Precision, Spec, read_text};
use crate::supernet::{Include, Network, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tch::Kind;

/// The images of a search, or what is known of them without having them.
#[derive(Debug, Clone)]
pub struct Images {
    /// The number of training images.
    pub count: usize,
    /// The number of classes.
    pub classes: usize,
    /// Channels, height, width.
    pub shape: [i64; 3],
    /// The images, where they were read.
    pub data: Option<Arc<DataSet>>,
}

/// Everything that a search needs but its data.
pub struct Setup {
    /// The resolved spec: threads, device and the policy's parameters as what they became.
    pub spec: Spec,
    /// The plugins whose operations the space may name: those of `plugins`, and the space's own.
    pub plugins: Vec<Arc<Plugin>>,
    /// The policy's plugin, where it is one's.
    pub policy_plugin: Option<Arc<Plugin>>,
    /// The space.
    pub space: Arc<Space>,
    /// The space as the policy sees it.
    pub view: Arc<SpaceView>,
    /// The network.
    pub network: Network,
    /// The policy.
    pub policy: Box<dyn Policy>,
    /// The policy's scripts, where it is one.
    pub(super) scripts: Option<Scripts>,
    /// Scripts, spaces and plugin libraries, as they were read.
    pub inputs: Inputs,
    /// The images.
    pub images: Images,
}

/// Which images a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The images themselves.
    Images,
    /// Their number, size and classes; the published ones where the images are missing.
    Sizes,
}

impl Setup {
    /// Prepares what a spec describes, with the policy that it names, or another one.
    ///
    /// # Errors
    /// Whatever is wrong with the spec or what it names.
    pub fn new(spec: Spec, need: Need, policy: Option<Box<dyn Policy>>) -> Result<Self> {
        let mut spec = spec;
        // A spec that code made or changed has not been checked yet.
        spec.check()?;
        resolve_machine(&mut spec)?;
        let mut inputs = Inputs::default();
        let (plugins, space) = space(&mut spec, &mut inputs)?;
        let images = images(&spec, need)?;
        let settings = Settings {
            cells: i64::from(spec.network.cells),
            channels: i64::from(spec.network.channels),
            image: images.shape,
            classes: images.classes as i64,
            form: Form::Search,
            kind: match spec.network.precision {
                Precision::Float32 => Kind::Float,
                Precision::Float64 => Kind::Double,
            },
            device: tch_device(&spec.device),
            seed: spec.seed,
        };
        let network = Network::build(&space, &settings, Include::All)
            .map_err(|e| e.at(spec.place("space").unwrap_or_else(|| Place::file(&spec.name))))?;
        let view = Arc::new(SpaceView::new(&space, &network.candidate_costs()));
        let (policy, policy_plugin, scripts) = match policy {
            Some(policy) => (policy, None, None),
            None => make_policy(&mut spec, &view, &plugins, &mut inputs)?,
        };
        Ok(Self { spec, plugins, policy_plugin, space, view, network, policy, scripts, inputs, images })
    }

    /// α as it starts: 1e-3 · N(0, 1), each row from the stream of its name.
    pub fn initial_alpha(&self) -> Alpha {
        let source = Source::new(self.spec.seed, Purpose::Initialisation);
        let row = |edge: &crate::policy::EdgeView| {
            let mut stream = source.named(&format!("alpha.{}.{}", edge.cell, edge.position));
            edge.candidates.iter().map(|_| 1e-3 * stream.normal()).collect()
        };
        self.view.edges.iter().map(row).collect()
    }

    /// The spec as the run directory keeps it: inputs named by the copies beside it.
    pub fn portable_spec(&self) -> Spec {
        let mut spec = self.spec.clone();
        // The space's own plugin among them: what it wrote is a file now, which names its operations.
        spec.plugins = self.plugins.iter().map(|plugin| self.inputs.plugin(plugin)).collect();
        let source = match &spec.space {
            spec::Space::File(path) => Some(path.to_path_buf()),
            spec::Space::Plugin(space) => Some(written_space(space)),
            spec::Space::Script(_) | spec::Space::Inline(_) => None,
        };
        if let Some(copy) = source.and_then(|source| self.inputs.copy(&source)) {
            spec.space = spec::Space::File(copy);
        }
        match &mut spec.policy {
            spec::Policy::Script(policy) => {
                let changes = policy.changes.iter_mut().map(|change| &mut change.script);
                for script in std::iter::once(&mut policy.script).chain(changes) {
                    if let Some(copy) = self.inputs.copy(script) {
                        *script = copy;
                    }
                }
            }
            spec::Policy::Plugin(policy) => {
                if let Some(plugin) = &self.policy_plugin {
                    policy.plugin = self.inputs.plugin(plugin);
                }
            }
        }
        spec
    }

    /// SHA-256 of everything that went in: copied inputs, plugins, data.
    pub fn hashes(&self) -> Vec<(String, String)> {
        let mut list: Vec<(String, String)> =
            self.inputs.iter().map(|input| (format!("inputs/{}", input.name), input.hash())).collect();
        let policy = self.policy_plugin.iter().filter(|plugin| self.plugins.iter().all(|p| p.name != plugin.name));
        for plugin in self.plugins.iter().chain(policy) {
            let hash = match &plugin.origin {
                Origin::Bundled => format!("bundled {}", plugin.version),
                Origin::Library { hash, .. } => hash.clone(),
            };
            list.push((format!("plugin {}", plugin.name), hash));
        }
        if let Some(data) = &self.images.data {
            list.push((format!("data {}", data.name), data.hash.clone()));
        }
        list
    }
}

/// The device in libtorch's words.
pub fn tch_device(device: &Device) -> tch::Device {
    match device {
        Device::Cuda(number) => tch::Device::Cuda(*number as usize),
        Device::Auto | Device::Cpu => tch::Device::Cpu,
    }
}

/// Fills in what depends on the machine: the device that `auto` means, and the number of threads that 0 means.
fn resolve_machine(spec: &mut Spec) -> Result<()> {
    spec.device = match spec.device {
        Device::Auto if crate::native::cuda_devices() > 0 => Device::Cuda(0),
        Device::Auto => Device::Cpu,
        device => device,
    };
    if let Device::Cuda(number) = spec.device {
        let found = crate::native::cuda_devices();
        if i64::from(number) >= found {
            return Err(Error::new(format!("this machine has no device cuda:{number}"))
                .at(spec.place("device").unwrap_or_else(|| Place::file(&spec.name)))
                .expected("a CUDA device that libtorch sees")
                .found(format!("{found} devices"))
                .help("use `device: cpu`; `cargo x setup --cuda` fetches libtorch's CUDA parts"));
        }
    }
    if spec.threads == 0 {
        spec.threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    }
    Ok(())
}

fn images(spec: &Spec, need: Need) -> Result<Images> {
    let name = spec.data.name.name();
    if need == Need::Sizes
        && let Some(size) = data::published_size(name)
        && (spec.data.root.as_ref().is_none_or(|root| !root.exists()))
    {
        return Ok(Images {
            count: size.train,
            classes: size.classes,
            shape: [size.channels as i64, size.height as i64, size.width as i64],
            data: None,
        });
    }
    let root = spec.data.root.as_ref().map(|root| root.as_ref() as &Path);
    let data = DataSet::load(name, root, Part::Train, spec.data.workers as usize).map_err(|e| {
        match spec.place("data.root") {
            Some(place) => e.at(place),
            None => e,
        }
    })?;
    Ok(Images {
        count: data.images.labels.len(),
        classes: data.classes.len(),
        shape: [data.channels as i64, data.height as i64, data.width as i64],
        data: Some(Arc::new(data)),
    })
}

/// The plugins and the space of a spec; what they were read from is added to `inputs`, and a plugin's space gets the values of all
/// its parameters. Such a space is made of its plugin's own operations where that offers all of them: other op sets may use the
/// same names.
///
/// # Errors
/// Where a plugin cannot be loaded, or the space is not sound.
pub fn space(spec: &mut Spec, inputs: &mut Inputs) -> Result<(Vec<Arc<Plugin>>, Arc<Space>)> {
    let mut plugins = plugins::listed(spec)?;
    let (node, own) = space_node(spec, &plugins, inputs)?;
    let resolve = |plugins: &[Arc<Plugin>]| {
        let sets = plugins.iter().map(OpSet::of).filter_map(Result::transpose).collect::<Result<_>>()?;
        Space::from_node(&node, &OpSets(sets)).map(Arc::new)
    };
    let space = match &own {
        Some(plugin) => resolve(std::slice::from_ref(plugin)).ok(),
        None => None,
    };
    let space = match (space, own) {
        (Some(space), Some(plugin)) => {
            plugins = vec![plugin];
            space
        }
        (_, own) => {
            plugins.extend(own.filter(|own| plugins.iter().all(|p| p.name != own.name)));
            resolve(&plugins)?
        }
    };
    for plugin in &plugins {
        inputs.add_plugin(plugin)?;
    }
    Ok((plugins, space))
}

/// The source of a plugin's space among the inputs.
fn written_space(space: &spec::PluginSpace) -> PathBuf {
    format!("<space {} of plugin {}>", space.name, space.plugin).into()
}

/// The description of a spec's space, and the plugin that wrote it, where one did.
fn space_node(spec: &mut Spec, plugins: &[Arc<Plugin>], inputs: &mut Inputs) -> Result<(Node, Option<Arc<Plugin>>)> {
    let [at, at_plugin, at_name] = ["space", "space.plugin", "space.name"].map(|key| place(spec, key));
    match &spec.space {
        spec::Space::Inline(node) => Ok((node.clone(), None)),
        spec::Space::File(path) => {
            let text = read_text(path, "space").map_err(|e| e.at(at))?;
            let node = Node::parse(&text, path)?;
            inputs.add_text(path, text);
            Ok((node, None))
        }
        spec::Space::Plugin(space) => {
            let plugin = plugins::load(spec, "space.plugin", &space.plugin)?;
            plugins::check_name(plugins, &plugin).map_err(|e| e.at(at_plugin.clone()))?;
            let spaces = PluginSpaces::expected(&plugin).map_err(|e| e.at(at_plugin))?;
            let written = spaces.write(&space.name, &space.params).map_err(|e| e.at(at_name))?;
            inputs.add(&written_space(space), &format!("{}.yaml", space.name), written.text.into_bytes());
            if let spec::Space::Plugin(space) = &mut spec.space {
                space.params = written.params;
            }
            Ok((written.node, Some(plugin)))
        }
        spec::Space::Script(_) => Err(Error::new("spaces from scripts are not supported by this version")
            .at(at)
            .expected("a file, the space itself, or `{plugin: …, name: …}`")),
    }
}

/// A policy, the plugin that it comes from, the scripts that it is.
type Chosen = (Box<dyn Policy>, Option<Arc<Plugin>>, Option<Scripts>);

/// The policy that a spec names, with its plugin or scripts. It gets the values of all its parameters.
fn make_policy(spec: &mut Spec, view: &Arc<SpaceView>, plugins: &[Arc<Plugin>], inputs: &mut Inputs) -> Result<Chosen> {
    let [at, at_plugin, at_name] = ["policy", "policy.plugin", "policy.name"].map(|key| place(spec, key));
    let changes = if let spec::Policy::Script(policy) = &spec.policy { policy.changes.len() } else { 0 };
    let places: Vec<Place> = (0..changes).map(|i| place(spec, &format!("policy.changes.{i}.script"))).collect();
    let mut chosen = spec.policy.clone();
    let (policy, plugin, scripts, params): (Box<dyn Policy>, _, _, _) = match &mut chosen {
        spec::Policy::Script(policy) => {
            let text = read_text(&policy.script, "policy script").map_err(|e| e.at(at))?;
            let script = ScriptPolicy::new(&policy.script, &text, &policy.params, &spec.sandbox, view)?;
            let files = Files::of(script.script());
            inputs.add_script(&files, &files.name());
            for (i, change) in policy.changes.iter_mut().enumerate() {
                let at = places[i].clone();
                let script = compile(&change.script, &change.params, &spec.sandbox, view)
                    .map_err(|e| e.context(format!("compiling what {at} names")))?;
                let files = Files::of(script.script());
                inputs.add_script(&files, &files.name());
                change.params = script.params();
            }
            let scripts = Scripts::new(policy, policy.params.clone(), &spec.sandbox, files);
            let params = script.params();
            (Box::new(script), None, Some(scripts), params)
        }
        spec::Policy::Plugin(policy) => {
            let plugin = plugins::load(spec, "policy.plugin", &policy.plugin)?;
            plugins::check_name(plugins, &plugin).map_err(|e| e.at(at_plugin.clone()))?;
            let policies = PluginPolicies::expected(&plugin).map_err(|e| e.at(at_plugin))?;
            let made = policies.create(&policy.name, &policy.params, view, spec.seed).map_err(|e| e.at(at_name))?;
            inputs.add_plugin(&plugin)?;
            let params = made.params().clone();
            (Box::new(made), Some(plugin), None, params)
        }
    };
    *chosen.params_mut() = params;
    spec.policy = chosen;
    Ok((policy, plugin, scripts))
}
