//! Memory of plugins in the account of DataFusion's own pool.

use std::error::Error;
use std::sync::Arc;

use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryPool as EnginePool, MemoryReservation,
};
use wudf::MemoryPool;

/// What functions hold, as one consumer of DataFusion's pool: memories of their instances,
/// idle ones included, tensors, and results of batches that are running.
///
/// Functions that [`WasmFunctions`](crate::WasmFunctions) makes have it from the session
/// that creates them. For others it goes into
/// [`SessionBuilder::memory_pool`](wudf::SessionBuilder::memory_pool) or
/// [`prepare_in`](wudf_adapter::prepare_in).
#[derive(Debug)]
pub struct PoolMemory(MemoryReservation);

impl PoolMemory {
    /// A consumer of this name, `wudf NAME`, in a pool.
    pub fn new(name: &str, pool: &Arc<dyn EnginePool>) -> Self {
        Self(MemoryConsumer::new(format!("wudf {name}")).register(pool))
    }
}

impl MemoryPool for PoolMemory {
    fn try_grow(&self, bytes: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.0.try_grow(bytes)?)
    }

    fn shrink(&self, bytes: usize) {
        self.0.shrink(bytes);
    }
}
