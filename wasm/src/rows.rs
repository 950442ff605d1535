//! Vectors that lie in the module's memory, to be compared with a query all at once.

use vicino_core::kernel::Dot;
use vicino_core::{Error, Simd};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::to_js;

/// Vectors of one length, copied into the module once.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Rows {
    dimensions: usize,
    values: Vec<f32>,
}

#[wasm_bindgen]
impl Rows {
    /// Takes `values` as vectors of `dimensions` values each, one after the other.
    ///
    /// # Errors
    ///
    /// `dimension_mismatch` where the last vector is not whole.
    #[wasm_bindgen(constructor)]
    pub fn new(dimensions: usize, values: Vec<f32>) -> Result<Self, JsValue> {
        match values.len().checked_rem(dimensions) {
            Some(0) => Ok(Self { dimensions, values }),
            rest => {
                let found = rest.unwrap_or(values.len());
                Err(to_js(&Error::DimensionMismatch { expected: dimensions, found }))
            }
        }
    }

    /// The inner products of a query with all vectors, in their order.
    ///
    /// # Errors
    ///
    /// `dimension_mismatch` where the query is not as long as the vectors.
    pub fn dot(&self, query: &[f32]) -> Result<Vec<f32>, JsValue> {
        let rows: Vec<&[f32]> = self.values.chunks_exact(self.dimensions).collect();
        let mut products = vec![0.0; rows.len()];
        let done = Simd::detect().batch(Dot, query, &rows, &mut products);
        done.map(|()| products).map_err(|error| to_js(&error))
    }
}
