//! How much memory an index will take, known before it takes it.

use super::space::Space;
use crate::config::{Exact, HnswConfig, Quantization};
use crate::graph::graph_bytes;
use crate::memory::{arena_bytes, slots_bytes, whole_lines};
use crate::simd::Code;

/// The bytes of an index of this many slots, as a graph or still without one: at least what
/// [`HnswIndex::memory_bytes`](super::HnswIndex::memory_bytes) will say of it, and at most a tenth
/// more. Held by the test beside it.
pub(crate) fn predict_bytes(
    config: &HnswConfig,
    dimensions: usize,
    slots: usize,
    graph: bool,
) -> usize {
    let space = Space { metric: config.distance_metric, dimensions };
    let in_lines = config.quantization == Quantization::None;
    let width = if in_lines { whole_lines::<f32>(dimensions) } else { dimensions };
    let exact = match config.exact {
        Exact::None | Exact::F16 if !graph => arena_bytes::<f32>(width, slots),
        Exact::F32 => arena_bytes::<f32>(width, slots),
        Exact::F16 => arena_bytes::<u16>(width, slots),
        Exact::None => 0,
    };
    if !graph {
        return exact + slots_bytes(slots, graph);
    }
    let placed = space.placed_dimensions();
    let rows = match config.quantization {
        Quantization::Int8 => arena_bytes::<Code>(whole_lines::<Code>(placed), slots),
        Quantization::None if placed == dimensions => 0,
        Quantization::None => arena_bytes::<f32>(whole_lines::<f32>(placed), slots),
    };
    exact + rows + slots_bytes(slots, graph) + graph_bytes(config.max_connections, slots)
}

#[cfg(test)]
mod tests {
    use super::super::HnswIndex;
    use super::*;
    use crate::graph::Serial;
    use crate::mix::mix;
    use crate::simd::Simd;

    #[test]
    fn an_index_takes_what_was_predicted() {
        let configs = [
            HnswConfig::fast().with_ef_construction(16),
            HnswConfig::fast().with_ef_construction(16).with_exact(Exact::F16),
            HnswConfig::fast().with_ef_construction(16).with_exact(Exact::None),
            HnswConfig::fast().with_ef_construction(16).with_quantization(Quantization::None),
        ];
        for config in configs.map(|config| config.with_promotion_size(500)) {
            for (dimensions, count) in [(3, 400), (3, 3000), (100, 700), (100, 2500)] {
                let mut index = HnswIndex::new(config.clone(), dimensions, Simd::detect()).unwrap();
                let values = (0..dimensions * count).map(|i| (mix(i as u64) >> 40) as f32 + 1.0);
                let values: Vec<f32> = values.collect();
                index.insert(&values, &Serial).unwrap();
                let found = index.memory_bytes();
                let predicted = predict_bytes(&config, dimensions, count, count > 500);
                let said = format!("{predicted} for {found}: {config:?}, {count} x {dimensions}");
                assert!(predicted >= found && predicted <= found + found / 10 + 16_384, "{said}");
            }
        }
    }
}
