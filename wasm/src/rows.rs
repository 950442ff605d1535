//! Vectors that lie in the module's memory, to be compared with a query all at once.

use vicino_core::kernel::{DIMENSIONS_MAX, Dot};
use vicino_core::{Error as CoreError, Simd};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::Error;

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
    /// `dimension_mismatch` where the last vector is not whole, `invalid_argument`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "number")] dimensions: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Float32Array")] values: &JsValue,
    ) -> Result<Self, JsValue> {
        let dimensions = convert::count(dimensions, DIMENSIONS_MAX, "dimensions")?;
        let values = convert::floats(values, "values")?;
        match values.len() % dimensions {
            0 => Ok(Self { dimensions, values }),
            found => {
                let error = CoreError::DimensionMismatch { expected: dimensions, found };
                Err(Error::from(error).into())
            }
        }
    }

    /// The inner products of a query with all vectors, in their order.
    ///
    /// # Errors
    ///
    /// `dimension_mismatch` where the query is not as long as the vectors, `invalid_argument`.
    pub fn dot(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Float32Array")] query: &JsValue,
    ) -> Result<Vec<f32>, JsValue> {
        let query = convert::floats(query, "query")?;
        let rows: Vec<&[f32]> = self.values.chunks_exact(self.dimensions).collect();
        let mut products = vec![0.0; rows.len()];
        Simd::detect().batch(Dot, &query, &rows, &mut products).map_err(Error::from)?;
        Ok(products)
    }
}
