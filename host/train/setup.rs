//! From a spec to everything that a search needs: plugins loaded, space resolved, network built, policy compiled.
//! Whatever is wrong with the input shows here, before anything is trained.

use super::inputs::{Input, Inputs};
use super::plugins::{self, place};
use super::reload::{Scripts, compile};
use crate::data::{self, DataSet, Part};
use crate::error::{Error, Place, Result};
use crate::extension::script::Files;
use crate::extension::{Origin, Plugin};
use crate::graph::{Form, OpSet, OpSets, Provider};
use crate::policy::{PluginPolicies, Policy, ScriptPolicy, SpaceView};
use crate::random::{Purpose, Source};
use crate::run::contents::{Contents, POLICY};
use crate::space::{Alpha, PluginSpaces, ScriptSpace, Space};
use crate::spec::{self, Device, Node, Precision, Spec, read_text};
use crate::supernet::{Include, Network, Settings};
use std::path::PathBuf;
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
    /// What offers the operations that the space may name: what `plugins` names, and the space's own plugin.
    pub providers: Vec<Provider>,
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
        let (providers, space) = space(&mut spec, &mut inputs)?;
        let images = images(&spec, need)?;
        let settings = Settings {
            cells: i64::from(spec.network.cells),
            channels: i64::from(spec.network.channels),
            image: images.shape,
            classes: images.classes as i64,
            form: Form::Search,
            kind: kind(spec.network.precision),
            device: tch_device(&spec.device),
            seed: spec.seed,
            cpu: spec.execute.cpu,
            cuda: spec.execute.cuda,
        };
        let network = Network::build(&space, &settings, Include::All)
            .map_err(|e| e.at(spec.place("space").unwrap_or_else(|| Place::file(&spec.name))))?;
        let view = Arc::new(SpaceView::new(&space, &network.candidate_costs()));
        let (policy, policy_plugin, scripts) = match policy {
            Some(policy) => (policy, None, None),
            None => make_policy(&mut spec, &view, &providers, &mut inputs)?,
        };
        Ok(Self { spec, providers, policy_plugin, space, view, network, policy, scripts, inputs, images })
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
    fn portable_spec(&self) -> Spec {
        let mut spec = self.spec.clone();
        // The space's own plugin among them: what it wrote is a file now, which names its operations.
        spec.plugins = self.providers.iter().map(|provider| self.inputs.provider(provider)).collect();
        let source = match &spec.space {
            Some(spec::Space::File(path)) => Some(path.to_path_buf()),
            Some(spec::Space::Plugin(space)) => Some(written_space(space)),
            Some(spec::Space::Script(space)) => Some(returned_space(space)),
            Some(spec::Space::Inline(_)) | None => None,
        };
        if let Some(copy) = source.and_then(|source| self.inputs.copy(&source)) {
            spec.space = Some(spec::Space::File(copy));
        }
        match &mut spec.policy {
            Some(spec::Policy::Script(policy)) => {
                let changes = policy.changes.iter_mut().map(|change| &mut change.script);
                for script in std::iter::once(&mut policy.script).chain(changes) {
                    if let Some(copy) = self.inputs.copy(script) {
                        *script = copy;
                    }
                }
            }
            Some(spec::Policy::Plugin(policy)) => {
                if let Some(plugin) = &self.policy_plugin {
                    policy.plugin = self.inputs.plugin(plugin);
                }
            }
            None => {}
        }
        spec
    }

    /// What a run directory keeps of all that went in.
    pub fn contents(&self) -> Contents {
        Contents {
            spec: self.portable_spec(),
            inputs: self.inputs.iter().map(|input| (input.name.clone(), input.bytes.clone())).collect(),
            hashes: self.hashes(),
        }
    }

    /// SHA-256 of everything that went in: copied inputs, plugins, data.
    fn hashes(&self) -> Vec<(String, String)> {
        let mut list = hashes_of_providers(&self.inputs, &self.providers);
        // A plugin of the policy alone.
        let among =
            |plugin: &Arc<Plugin>| self.providers.iter().filter_map(Provider::plugin).any(|p| p.name == plugin.name);
        list.extend(self.policy_plugin.iter().filter(|plugin| !among(plugin)).map(|plugin| hash_of_plugin(plugin)));
        if let Some(data) = &self.images.data {
            list.push((format!("data {}", data.name), data.hash.clone()));
        }
        list
    }
}

/// SHA-256 of copied inputs, and of the plugins among the providers; scripts are among the inputs.
pub(super) fn hashes_of_providers(inputs: &Inputs, providers: &[Provider]) -> Vec<(String, String)> {
    let name = |input: &Input| format!("{}inputs/{}", if input.of_policy { POLICY } else { "" }, input.name);
    let of_inputs = inputs.iter().map(|input| (name(input), input.hash()));
    of_inputs.chain(providers.iter().filter_map(Provider::plugin).map(|plugin| hash_of_plugin(plugin))).collect()
}

fn hash_of_plugin(plugin: &Plugin) -> (String, String) {
    let hash = match &plugin.origin {
        Origin::Bundled => format!("bundled {}", plugin.version),
        Origin::Library { hash, .. } => hash.clone(),
    };
    (format!("plugin {}", plugin.name), hash)
}

/// The element type in libtorch's words.
pub(super) fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::Float32 => Kind::Float,
        Precision::Float64 => Kind::Double,
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
pub(super) fn resolve_machine(spec: &mut Spec) -> Result<()> {
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
    let data = DataSet::of_spec(&spec.data, Part::Train)
        .map_err(|e| spec.place("data.root").map_or(e.clone(), |place| e.at(place)))?;
    Ok(Images {
        count: data.images.labels.len(),
        classes: data.classes.len(),
        shape: [data.channels as i64, data.height as i64, data.width as i64],
        data: Some(Arc::new(data)),
    })
}

/// The op sets and the space of a spec; what they were read from is added to `inputs`, and the space of a plugin or script gets
/// the values of all its parameters. A plugin's space is made of its plugin's own operations where that offers all of them: other
/// op sets may use the same names.
///
/// # Errors
/// Where a plugin or script cannot be loaded, or the space is not sound.
pub fn space(spec: &mut Spec, inputs: &mut Inputs) -> Result<(Vec<Provider>, Arc<Space>)> {
    let mut providers = plugins::listed(spec)?;
    let Description { node, own, script } = describe(spec, &providers, inputs)?;
    let resolve = |providers: &[Provider]| {
        let sets = providers.iter().map(OpSet::from_provider).filter_map(Result::transpose).collect::<Result<_>>()?;
        Space::from_node(&node, &OpSets(sets)).map(Arc::new)
    };
    let space = match &own {
        Some(plugin) => resolve(&[Provider::Plugin(plugin.clone())]).ok(),
        None => None,
    };
    let space = match (space, own) {
        (Some(space), Some(plugin)) => {
            providers = vec![Provider::Plugin(plugin)];
            space
        }
        (_, own) => {
            let own = own.filter(|own| providers.iter().all(|s| s.name() != own.name));
            providers.extend(own.map(Provider::Plugin));
            resolve(&providers)?
        }
    };
    for provider in &providers {
        inputs.add_provider(provider)?;
    }
    // After op sets, whose copies need their names.
    if let Some(script) = script {
        inputs.add_script(&script, &script.name());
    }
    Ok((providers, space))
}

/// The source of a plugin's space among the inputs.
fn written_space(space: &spec::PluginSpace) -> PathBuf {
    format!("<space {} of plugin {}>", space.name, space.plugin).into()
}

/// The source of what a script returned, among the inputs.
fn returned_space(space: &spec::ScriptSpace) -> PathBuf {
    format!("<space of script {}>", space.script.display()).into()
}

/// The error for a search by a spec that describes none.
fn no_search(spec: &Spec) -> Error {
    Error::new("the spec describes no search: it has no space and no policy")
        .at(spec.place("").unwrap_or_else(|| Place::file(&spec.name)))
        .expected("the keys `space` and `policy`")
        .help(
            "`edas evaluate RUN --spec SPEC` trains what a run has found as this spec says; `edas check RUN --by SPEC` tells what that costs",
        )
}

/// The description of a spec's space.
struct Description {
    node: Node,
    /// The plugin that wrote it, where one did.
    own: Option<Arc<Plugin>>,
    /// The script that returned it, where one did.
    script: Option<Files>,
}

/// The description of a spec's space, from wherever it comes.
fn describe(spec: &mut Spec, providers: &[Provider], inputs: &mut Inputs) -> Result<Description> {
    let [at, at_plugin, at_name] = ["space", "space.plugin", "space.name"].map(|key| place(spec, key));
    let Some(space) = &spec.space else { return Err(no_search(spec)) };
    let (written, own, script) = match space {
        spec::Space::Inline(node) => return Ok(Description { node: node.clone(), own: None, script: None }),
        spec::Space::File(path) => {
            let text = read_text(path, "space").map_err(|e| e.at(at))?;
            let node = Node::parse(&text, path)?;
            inputs.add_text(path, text);
            return Ok(Description { node, own: None, script: None });
        }
        spec::Space::Script(space) => {
            let text = read_text(&space.script, "space script").map_err(|e| e.at(at))?;
            let script = ScriptSpace::new(&space.script, &text, &spec.sandbox)?;
            let written = script.write(&space.params)?;
            inputs.add(&returned_space(space), &format!("{}.yaml", script.name()), written.text.as_bytes());
            (written, None, Some(script.files()))
        }
        spec::Space::Plugin(space) => {
            let plugin = plugins::load(spec, "space.plugin", &space.plugin)?;
            plugins::check_name(providers, &plugin).map_err(|e| e.at(at_plugin.clone()))?;
            let spaces = PluginSpaces::expected(&plugin).map_err(|e| e.at(at_plugin))?;
            let written = spaces.write(&space.name, &space.params).map_err(|e| e.at(at_name))?;
            inputs.add(&written_space(space), &format!("{}.yaml", space.name), written.text.as_bytes());
            (written, Some(plugin), None)
        }
    };
    if let Some(params) = spec.space.as_mut().and_then(spec::Space::params_mut) {
        *params = written.params;
    }
    Ok(Description { node: written.node, own, script })
}

/// A policy, the plugin that it comes from, the scripts that it is.
type Chosen = (Box<dyn Policy>, Option<Arc<Plugin>>, Option<Scripts>);

/// The policy that a spec names, with its plugin or scripts. It gets the values of all its parameters.
fn make_policy(spec: &mut Spec, view: &Arc<SpaceView>, providers: &[Provider], inputs: &mut Inputs) -> Result<Chosen> {
    let [at, at_plugin, at_name] = ["policy.script", "policy.plugin", "policy.name"].map(|key| place(spec, key));
    let Some(mut chosen) = spec.policy.clone() else { return Err(no_search(spec)) };
    let changes = if let spec::Policy::Script(policy) = &chosen { policy.changes.len() } else { 0 };
    let places: Vec<Place> = (0..changes).map(|i| place(spec, &format!("policy.changes.{i}.script"))).collect();
    let (policy, plugin, scripts, params): (Box<dyn Policy>, _, _, _) = match &mut chosen {
        spec::Policy::Script(policy) => {
            let text = read_text(&policy.script, "policy script").map_err(|e| e.at(at))?;
            let script = ScriptPolicy::new(&policy.script, &text, &policy.params, &spec.sandbox, view)?;
            for (function, hook) in script.misspelt_hooks() {
                tracing::warn!("{}: nothing calls `{function}`: is it a misspelt `{hook}`?", policy.script.display());
            }
            let files = Files::of(script.script());
            let before = inputs.iter().count();
            inputs.add_script(&files, &files.name());
            for (i, change) in policy.changes.iter_mut().enumerate() {
                let at = places[i].clone();
                let script = compile(&change.script, &change.params, &spec.sandbox)
                    .map_err(|e| e.context(format!("compiling what {at} names")))?;
                let files = Files::of(script.script());
                inputs.add_script(&files, &files.name());
                change.params = script.params();
            }
            inputs.are_of_policy(before);
            let scripts = Scripts::new(policy, policy.params.clone(), &spec.sandbox, files);
            let params = script.params();
            (Box::new(script), None, Some(scripts), params)
        }
        spec::Policy::Plugin(policy) => {
            let plugin = plugins::load(spec, "policy.plugin", &policy.plugin)?;
            plugins::check_name(providers, &plugin).map_err(|e| e.at(at_plugin.clone()))?;
            let policies = PluginPolicies::expected(&plugin).map_err(|e| e.at(at_plugin))?;
            let made = policies.create(&policy.name, &policy.params, view, spec.seed).map_err(|e| e.at(at_name))?;
            inputs.add_plugin(&plugin)?;
            let params = made.params().clone();
            (Box::new(made), Some(plugin), None, params)
        }
    };
    *chosen.params_mut() = params;
    spec.policy = Some(chosen);
    Ok((policy, plugin, scripts))
}
