//! Is all of a scope as it should be?

use std::sync::Arc;

use super::Collection;
use super::directory::Known;
use crate::error::Error;
use crate::graph::GraphReport;
use crate::scope::Scope;

impl Collection {
    /// Looks at every byte of a scope in the file that has it as it is, if one has.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and [`Error::Unreadable`].
    pub fn verify_scope(&self, scope: &Scope) -> Result<(), Error> {
        let own = self.partitions.get(scope).map(|own| own.home.clone());
        let home = own.unwrap_or_else(|| self.reader.shelf().home(scope));
        home.map_or(Ok(()), |home| home.save().map(drop))
    }

    /// Checks the structure of a scope's graph, and every byte of the file that has it as it is, in
    /// O(links) and O(bytes). One that is closed is opened for it; one that is not there has no
    /// links.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and [`Error::Unreadable`], and [`Error::WriteConflict`] for one that is
    /// changed [apart](super::ScopeCommit).
    pub fn check_scope(&self, scope: &Scope) -> Result<GraphReport, Error> {
        if self.away.contains(scope) {
            return Err(Error::WriteConflict);
        }
        self.verify_scope(scope)?;
        loop {
            let shelf = self.reader.shelf();
            let open = self.partitions.get(scope).or_else(|| shelf.resting().get(scope));
            if let Some(partition) = open {
                return Ok(partition.index.check());
            }
            let Some(Known::Closed(closed)) = shelf.directory.get(scope) else {
                return Ok(GraphReport::default());
            };
            let closed = Arc::clone(closed);
            drop(shelf);
            self.reader.open(&closed)?;
        }
    }
}
