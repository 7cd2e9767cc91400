//! The lines of `metrics.jsonl`. Numbers are written so that they read back to the same bits; one that is not
//! finite is the text "NaN", "inf" or "-inf".

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

/// A number for the logs.
pub fn number(value: f64) -> Value {
    if value.is_nan() {
        Value::from("NaN")
    } else if value.is_infinite() {
        Value::from(if value > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(value)
    }
}

/// A number as [`number`] writes it; `None` for what is none.
pub fn read_number(value: &Value) -> Option<f64> {
    value.as_str().map_or_else(|| value.as_f64(), not_finite)
}

/// A number that is not finite, by the text that stands for it.
pub fn not_finite(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn float<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    number(*value).serialize(serializer)
}

fn optional<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(number).serialize(serializer)
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn absent(value: &Option<f64>) -> bool {
    value.is_none()
}

/// One iteration: the last step of each phase that it had.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct IterationRecord {
    /// The iteration, from 0.
    pub iteration: u64,
    /// Its epoch, from 0.
    pub epoch: u64,
    /// The loss of the architecture step, its plan's penalties included.
    #[serde(serialize_with = "optional", skip_serializing_if = "absent")]
    pub search_loss: Option<f64>,
    /// The loss of the weights step.
    #[serde(serialize_with = "optional", skip_serializing_if = "absent")]
    pub train_loss: Option<f64>,
    /// The accuracy of the architecture step.
    #[serde(serialize_with = "optional", skip_serializing_if = "absent")]
    pub search_accuracy: Option<f64>,
    /// The accuracy of the weights step.
    #[serde(serialize_with = "optional", skip_serializing_if = "absent")]
    pub train_accuracy: Option<f64>,
    /// How long it took.
    #[serde(serialize_with = "float")]
    pub seconds: f64,
}

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpochRecord {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The accuracy of the epoch's weights steps, on the batches that they trained on.
    #[serde(serialize_with = "optional")]
    pub train_accuracy: Option<f64>,
    /// The accuracy of the supernet on the validation images.
    #[serde(serialize_with = "float")]
    pub supernet_accuracy: f64,
    /// The accuracy of the derived network, with the supernet's weights.
    #[serde(serialize_with = "float")]
    pub derived_accuracy: f64,
    /// The learning rate of the weights in this epoch.
    #[serde(serialize_with = "float")]
    pub learning_rate: f64,
    /// How long it took, validation included.
    #[serde(serialize_with = "float")]
    pub seconds: f64,
}

/// One validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRecord {
    /// The iteration after which it was made.
    pub iteration: u64,
    /// Its epoch.
    pub epoch: u64,
    /// The accuracy of the supernet.
    #[serde(serialize_with = "float")]
    pub supernet_accuracy: f64,
    /// The accuracy of the derived network, with the supernet's weights.
    #[serde(serialize_with = "float")]
    pub derived_accuracy: f64,
}

/// One epoch of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRecord {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The mean loss of its iterations, that of a second classifier included.
    #[serde(serialize_with = "float", deserialize_with = "any")]
    pub train_loss: f64,
    /// The accuracy of its iterations, on the batches that they trained on.
    #[serde(serialize_with = "float")]
    pub train_accuracy: f64,
    /// The mean loss on the test images.
    #[serde(serialize_with = "float", deserialize_with = "any")]
    pub test_loss: f64,
    /// The share of the test images whose class is the network's first choice.
    #[serde(serialize_with = "float")]
    pub test_accuracy: f64,
    /// The share of the test images whose class is among the network's first five choices; with at most five classes none.
    #[serde(serialize_with = "optional", skip_serializing_if = "absent", default)]
    pub test_top5: Option<f64>,
    /// The number of images, of training and of test, that were left out because they are broken.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub broken: u64,
    /// The learning rate of the weights in this epoch.
    #[serde(serialize_with = "float")]
    pub learning_rate: f64,
    /// How long it took, the test included.
    #[serde(serialize_with = "float")]
    pub seconds: f64,
}

/// A number as [`number`] writes it.
fn any<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    read_number(&Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("a number was expected"))
}

/// A record as a line: its kind, then its fields.
pub fn line(kind: &str, record: &impl Serialize) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("kind".to_owned(), kind.into());
    if let Ok(Value::Object(fields)) = serde_json::to_value(record) {
        object.extend(fields);
    }
    Value::Object(object)
}
