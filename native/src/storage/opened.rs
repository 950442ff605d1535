//! The collections of a store that are open, by name, and who is busy with one.
//!
//! Who opens a collection may read much of the disk first. Those who want the same one wait for
//! that, and find it open; nobody else does.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::hosted::Hosted;

#[derive(Debug, Default)]
pub(super) struct Opened {
    /// None where somebody is busy with the name.
    names: Mutex<BTreeMap<String, Option<Arc<Hosted>>>>,
    freed: Condvar,
}

impl Opened {
    /// Does something with the collection of a name, if it is open, while nobody else does.
    pub(super) fn with<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Option<Arc<Hosted>>) -> T,
    ) -> T {
        let is_taken = |names: &mut BTreeMap<_, _>| matches!(names.get(name), Some(None));
        let names = self.freed.wait_while(self.names(), is_taken);
        let mut names = names.unwrap_or_else(PoisonError::into_inner);
        let hosted = names.insert(name.to_owned(), None).flatten();
        drop(names);
        work(&mut Taken { from: self, name, hosted }.hosted)
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Option<Arc<Hosted>>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that somebody is busy with, which is given back also after a panic.
struct Taken<'o> {
    from: &'o Opened,
    name: &'o str,
    hosted: Option<Arc<Hosted>>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut names = self.from.names();
        match self.hosted.take() {
            Some(hosted) => drop(names.insert(self.name.to_owned(), Some(hosted))),
            None => drop(names.remove(self.name)),
        }
        drop(names);
        self.from.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::{Collection, HnswConfig, simd};

    fn hosted(number: u32) -> Arc<Hosted> {
        let collection = Collection::new(HnswConfig::fast(), 1, simd().unwrap()).unwrap();
        Arc::new(Hosted::new("", number, collection))
    }

    #[test]
    fn only_those_who_want_the_same_wait() {
        let opened = Opened::default();
        let (begin, begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        thread::scope(|threads| {
            let opened = &opened;
            threads.spawn(move || {
                opened.with("slow", |open| {
                    begin.send(()).unwrap();
                    ended.recv().unwrap();
                    *open = Some(hosted(7));
                });
            });
            begun.recv().unwrap();
            let same = threads.spawn(|| opened.with("slow", |open| open.clone().unwrap().number()));
            opened.with("other", |open| assert!(open.is_none()));
            assert!(!same.is_finished());
            end.send(()).unwrap();
            assert_eq!(same.join().unwrap(), 7);
        });
        opened.with("slow", |open| drop(open.take()));
        let failed = catch_unwind(AssertUnwindSafe(|| opened.with("slow", |_| panic!("a bug"))));
        assert!(failed.is_err());
        opened.with("slow", |open| assert!(open.is_none()));
        assert!(opened.names().is_empty(), "nothing is kept of what is not open");
    }
}
