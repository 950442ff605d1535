//! The settings of a store, as objects of JavaScript.

use serde::Serialize;
use vicino_core::{
    DistanceMetric, Exact, HnswConfig, Open, Quantization, Scope, ScopeLimits, Verify,
};
use wasm_bindgen::JsValue;

use crate::entries::within;
use crate::error::{Of as _, Result, expected};
use crate::read::{self, Known};

const METRICS: &str = "cosine, euclidean, inner_product or manhattan";

/// What a store is made with.
#[derive(Debug)]
pub(crate) struct StoreOptions {
    pub(crate) dimensions: Option<usize>,
    pub(crate) config: HnswConfig,
    pub(crate) limits: LimitOptions,
    /// For how many entries memory is predicted, and how many bytes each has beside its vector.
    pub(crate) entries: Option<usize>,
    pub(crate) record_bytes: usize,
}

/// What limits a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimitOptions {
    pub(crate) memory: usize,
    pub(crate) scopes: ScopeLimits,
}

impl LimitOptions {
    /// Those of whoever names none.
    fn new(memory_limit: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        Self { memory: memory_limit as usize, scopes: ScopeLimits::default() }
    }

    fn read(&mut self, name: &str, value: &JsValue) -> Result<Known> {
        match name {
            "memoryLimit" => self.memory = read::count(value)?,
            "scopeLimits" => self.scopes = scope_limits(value)?,
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    }
}

impl StoreOptions {
    /// Those that an object names; the preset is what the others change.
    pub(crate) fn read(value: &JsValue, memory_limit: f64, predicts: bool) -> Result<Self> {
        let mut options = Self {
            dimensions: None,
            config: HnswConfig::default(),
            limits: LimitOptions::new(memory_limit),
            entries: None,
            record_bytes: 0,
        };
        read::options(value, &mut |name, value| {
            if name == "preset" {
                options.config = match &*read::string(value)? {
                    "balanced" => HnswConfig::balanced(),
                    "fast" => HnswConfig::fast(),
                    "accurate" => HnswConfig::accurate(),
                    "production" => HnswConfig::production(),
                    _ => return expected("balanced, fast, accurate or production"),
                };
            }
            Ok(Known::Yes)
        })?;
        read::options(value, &mut |name, value| options.set(name, value, predicts))?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &JsValue, predicts: bool) -> Result<Known> {
        let config = &mut self.config;
        match name {
            "preset" => {}
            "dimensions" => self.dimensions = Some(read::count(value)?),
            "metric" => config.distance_metric = metric(value)?,
            "maxConnections" => config.max_connections = read::count(value)?,
            "efConstruction" => config.ef_construction = read::count(value)?,
            "efSearch" => config.ef_search = read::count(value)?,
            "nbLayers" => config.nb_layers = read::count(value)?,
            "seed" => config.seed = read::seed(value)?,
            "quantization" => {
                config.quantization = read::named::<Quantization>(value, "int8 or none")?;
            }
            "exact" => config.exact = read::named::<Exact>(value, "f32, f16 or none")?,
            "promotionSize" => config.promotion_size = Some(read::count(value)?),
            "entries" if predicts => self.entries = Some(read::count(value)?),
            "recordBytes" if predicts => self.record_bytes = read::count(value)?,
            _ => return self.limits.read(name, value),
        }
        Ok(Known::Yes)
    }

    /// The dimensions, which have to be said.
    pub(crate) fn dimensions(&self) -> Result<usize> {
        let missing = || expected("a whole number, the values of a vector");
        self.dimensions.map_or_else(missing, Ok).of("dimensions")
    }
}

/// How a snapshot is opened.
pub(crate) fn open_options(value: &JsValue, memory_limit: f64) -> Result<(Open, LimitOptions)> {
    let (mut open, mut limits) = (Open::default(), LimitOptions::new(memory_limit));
    read::options(value, &mut |name, value| {
        if name != "verify" {
            return limits.read(name, value);
        }
        open = open.with_verify(match &*read::string(value)? {
            "structure" => Verify::Structure,
            "full" => Verify::Full,
            _ => return expected("structure or full"),
        });
        Ok(Known::Yes)
    })
    .of("options")?;
    Ok((open, limits))
}

pub(crate) fn metric(value: &JsValue) -> Result<DistanceMetric> {
    read::named(value, METRICS)
}

pub(crate) fn scope_limits(value: &JsValue) -> Result<ScopeLimits> {
    let mut limits = ScopeLimits::default();
    read::options(value, &mut |name, value| {
        match name {
            "vectors" => limits.vectors = Some(read::count(value)?),
            "bytes" => limits.bytes = Some(read::count(value)?),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    Ok(limits)
}

/// The settings that a store has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    dimensions: usize,
    metric: DistanceMetric,
    max_connections: usize,
    ef_construction: usize,
    ef_search: usize,
    nb_layers: usize,
    seed: f64,
    quantization: Quantization,
    exact: Exact,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion_size: Option<usize>,
}

impl Settings {
    pub(crate) fn of(config: &HnswConfig, dimensions: usize) -> Self {
        Self {
            dimensions,
            metric: config.distance_metric,
            max_connections: config.max_connections,
            ef_construction: config.ef_construction,
            ef_search: config.ef_search,
            nb_layers: config.nb_layers,
            #[expect(clippy::cast_precision_loss, reason = "one of JavaScript's is exact")]
            seed: config.seed as f64,
            quantization: config.quantization,
            exact: config.exact,
            promotion_size: config.promotion_size,
        }
    }
}

/// The scopes that a snapshot is to have; none for all.
pub(crate) fn snapshot_scopes(value: &JsValue, handle: &JsValue) -> Result<Option<Vec<Scope>>> {
    let mut scopes = None;
    read::options(value, &mut |name, value| match name {
        "scopes" => {
            scopes = Some(read::scopes(value)?);
            Ok(Known::Yes)
        }
        _ => Ok(Known::No),
    })
    .of("options")?;
    let Some(handle) = read::handle(handle)? else { return Ok(scopes) };
    for named in scopes.into_iter().flatten() {
        within(Some(&handle), Some(named))?;
    }
    Ok(Some(vec![handle]))
}
