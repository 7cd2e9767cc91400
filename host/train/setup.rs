//! From a spec to everything that a search needs: plugins loaded, space resolved, network built, policy compiled.
//! Whatever is wrong with the input shows here, before anything is trained.

use crate::data::{self, DataSet, Part};
use crate::error::{Error, Place, Result};
use crate::extension::library::hexadecimal;
use crate::extension::{Origin, Plugin, Registry};
use crate::graph::{Form, OpSet, OpSets};
use crate::policy::{Policy, ScriptPolicy, SpaceView};
use crate::random::{Purpose, Source};
use crate::space::{Alpha, Space};
use crate::spec::{self, Device, Node, PluginRef, Precision, Spec, SpecPath, read_text};
use crate::supernet::{Include, Network, Settings};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use tch::Kind;

/// A file that a spec names, as it was read.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its file name.
    pub name: String,
    /// Its text.
    pub text: String,
}

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
    /// The plugins that the spec names.
    pub plugins: Vec<Arc<Plugin>>,
    /// The space.
    pub space: Arc<Space>,
    /// The space as the policy sees it.
    pub view: Arc<SpaceView>,
    /// The network.
    pub network: Network,
    /// The policy.
    pub policy: Box<dyn Policy>,
    /// Scripts and spaces, as they were read.
    pub inputs: Vec<Input>,
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
        let mut inputs = Vec::new();
        let (plugins, space) = space(&spec, &mut inputs)?;
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
        let policy = match policy {
            Some(policy) => policy,
            None => script_policy(&mut spec, &view, &mut inputs)?,
        };
        Ok(Self { spec, plugins, space, view, network, policy, inputs, images })
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
        let copy = |path: &SpecPath| match path.file_name() {
            Some(name) => SpecPath::beside_spec(Path::new("inputs").join(name)),
            None => path.clone(),
        };
        if let spec::Space::File(path) = &spec.space {
            spec.space = spec::Space::File(copy(path));
        }
        if let spec::Policy::Script(policy) = &mut spec.policy {
            policy.script = copy(&policy.script);
        }
        spec
    }

    /// SHA-256 of everything that went in: copied inputs, plugins, data.
    pub fn hashes(&self) -> Vec<(String, String)> {
        let mut list: Vec<(String, String)> = self
            .inputs
            .iter()
            .map(|input| (format!("inputs/{}", input.name), hexadecimal(&Sha256::digest(input.text.as_bytes()))))
            .collect();
        for plugin in &self.plugins {
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

fn plugins(spec: &Spec) -> Result<Vec<Arc<Plugin>>> {
    let folder = spec.place("plugins").and_then(|place| place.file.parent().map(Path::to_owned));
    let registry = Registry::new(folder.as_deref());
    let mut plugins: Vec<Arc<Plugin>> = Vec::new();
    for (i, reference) in spec.plugins.iter().enumerate() {
        let place = || spec.place(&format!("plugins.{i}")).unwrap_or_else(|| Place::file(&spec.name));
        let plugin = match reference {
            PluginRef::Name(name) => registry.named(name).map_err(|e| e.at(place()))?,
            PluginRef::Path(path) if path.extension().is_some_and(|e| e == "rhai") => {
                return Err(Error::new("op sets as scripts are not supported by this version")
                    .at(place())
                    .expected("a plugin")
                    .found(path.display().to_string()));
            }
            PluginRef::Path(path) => registry.at(path)?,
        };
        if plugins.iter().any(|p| p.name == plugin.name) {
            return Err(Error::new(format!("two plugins are named `{}`", plugin.name)).at(place()));
        }
        plugins.push(plugin);
    }
    Ok(plugins)
}

/// The plugins and the space of a spec; the space's file is added to `inputs`.
///
/// # Errors
/// Where a plugin cannot be loaded, or the space is not sound.
pub fn space(spec: &Spec, inputs: &mut Vec<Input>) -> Result<(Vec<Arc<Plugin>>, Arc<Space>)> {
    let plugins = plugins(spec)?;
    let mut op_sets = OpSets::default();
    for plugin in &plugins {
        op_sets.0.extend(OpSet::of(plugin)?);
    }
    let space = Space::from_node(&space_node(spec, inputs)?, &op_sets)?;
    Ok((plugins, Arc::new(space)))
}

fn space_node(spec: &Spec, inputs: &mut Vec<Input>) -> Result<Node> {
    match &spec.space {
        spec::Space::Inline(node) => Ok(node.clone()),
        spec::Space::File(path) => {
            let text = read_text(path, "space").map_err(|e| match spec.place("space") {
                Some(place) => e.at(place),
                None => e,
            })?;
            let node = Node::parse(&text, path)?;
            inputs.push(Input { name: file_name(path), text });
            Ok(node)
        }
        spec::Space::Script(_) | spec::Space::Plugin(_) => {
            Err(Error::new("spaces from scripts and plugins are not supported by this version")
                .at(spec.place("space").unwrap_or_else(|| Place::file(&spec.name)))
                .expected("a file, or the space itself"))
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "input".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn script_policy(spec: &mut Spec, view: &Arc<SpaceView>, inputs: &mut Vec<Input>) -> Result<Box<dyn Policy>> {
    let place = spec.place("policy").unwrap_or_else(|| Place::file(&spec.name));
    let spec::Policy::Script(policy) = &mut spec.policy else {
        return Err(Error::new("policies from plugins are not supported by this version")
            .at(place)
            .expected("`policy: {script: …}`"));
    };
    let text = read_text(&policy.script, "policy script").map_err(|e| e.at(place))?;
    let script = ScriptPolicy::new(&policy.script, &text, &policy.params, &spec.sandbox, view)?;
    inputs.push(Input { name: file_name(&policy.script), text });
    policy.params = Node::from_json(&script.params(), "<default>");
    Ok(Box::new(script))
}
