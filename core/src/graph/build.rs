//! Linking slots in rounds (Manohar et al., "Parlay-ANN: scalable and deterministic parallel
//! graph-based approximate nearest neighbor search algorithms", 2024).
//!
//! Every slot of a round searches the graph as it was before the round and is compared with all
//! others of the round; then each list that new links point back from is pruned once, by one
//! task. Tasks never wait for one another, and how they are spread over threads changes nothing:
//! the suite compares digests of graphs built by one, two and seven threads.

use std::sync::{Mutex, OnceLock};

use super::pool::Pool;
use super::{Candidate, EMPTY, Graph, Measure, Shape, Stored};

/// Runs tasks that do not depend on one another: the seam through which core uses threads.
///
/// ```
/// use vicino_core::{Executor, Serial};
///
/// let sum = std::sync::atomic::AtomicUsize::new(0);
/// Serial.run(10, &|i| {
///     sum.fetch_add(i, std::sync::atomic::Ordering::Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 45);
/// ```
pub trait Executor: Sync {
    /// Runs `task` once for each number below `count`, in any order, on any threads, and returns
    /// when all are done.
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync));
}

/// One task after the other, on the thread that asks.
///
/// ```
/// use vicino_core::{Executor, Serial};
///
/// let order = std::sync::Mutex::new(Vec::new());
/// Serial.run(3, &|i| order.lock().unwrap().push(i));
/// assert_eq!(order.into_inner().unwrap(), [0, 1, 2]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial;

impl Executor for Serial {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(task);
    }
}

/// The results of tasks, in their order.
fn map<T: Send + Sync>(
    executor: &dyn Executor,
    count: usize,
    task: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    executor.run(count, &|i| {
        results[i].get_or_init(|| task(i));
    });
    // An executor that left a task out costs time, nothing else.
    let done = results.into_iter().enumerate();
    done.map(|(i, result)| result.into_inner().unwrap_or_else(|| task(i))).collect()
}

/// Slots of a round: enough to keep threads busy, few enough that most of the graph is there.
const ROUND_MAX: u32 = 2048;

/// A new link back: the target that it starts from, its layer, and the slot that it leads to.
type Back = (u32, usize, u32);

impl<K: Measure<R>, R: Stored> Graph<K, R> {
    pub(super) fn link_all(&mut self, executor: &dyn Executor) {
        let len = u32::try_from(self.rows.len()).expect("slots fit");
        let pools = Mutex::new(Vec::new());
        if self.linked == 0 && len > 0 {
            self.entry = Some(0);
            self.linked = 1;
        }
        while self.linked < len {
            // At most 2 % of the graph.
            let round = (self.linked / 50).clamp(1, ROUND_MAX).min(len - self.linked);
            self.link_round(self.linked..self.linked + round, executor, &pools);
            self.linked += round;
        }
    }

    fn link_round(
        &mut self,
        round: std::ops::Range<u32>,
        executor: &dyn Executor,
        pools: &Mutex<Vec<Pool>>,
    ) {
        let graph = &*self;
        let chosen = map(executor, round.len(), |i| {
            let pooled = pools.lock().ok().and_then(|mut pools| pools.pop());
            let mut pool = pooled.unwrap_or_default();
            let slot = round.start + u32::try_from(i).expect("rounds are short");
            let chosen = graph.choose(slot, round.clone(), &mut pool);
            if let Ok(mut pools) = pools.lock() {
                pools.push(pool);
            }
            chosen
        });

        let mut back: Vec<Back> = Vec::new();
        for (slot, layers) in round.clone().zip(chosen) {
            for (layer, links) in layers.into_iter().enumerate() {
                back.extend(links.iter().map(|&target| (target, layer, slot)));
                self.set_list(slot, layer, &links);
            }
        }
        back.sort_unstable();
        let targets: Vec<&[Back]> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let graph = &*self;
        let lists = map(executor, targets.len(), |i| graph.with_back(targets[i]));
        let mut dropped = Vec::new();
        for (back, links) in targets.into_iter().zip(lists) {
            let (target, layer, _) = back[0];
            dropped.extend(self.links(target, layer).filter(|link| !links.contains(link)));
            dropped.extend(back.iter().map(|&(.., slot)| slot));
            self.set_list(target, layer, &links);
        }
        dropped.sort_unstable();
        dropped.dedup();
        for slot in dropped {
            if self.in_degrees[slot as usize] == 0 {
                self.adopt(slot);
            }
        }
        // Of those in the most layers the first; `max_by_key` would take the last.
        let entries = self.entry.into_iter().chain(round);
        self.entry = entries.rev().max_by_key(|&slot| self.layers_above(slot));
    }

    /// Replaces a list, and counts who is in it.
    fn set_list(&mut self, slot: u32, layer: usize, links: &[u32]) {
        if layer == 0 {
            for link in self.links(slot, 0).collect::<Vec<_>>() {
                self.in_degrees[link as usize] -= 1;
            }
            for &link in links {
                self.in_degrees[link as usize] += 1;
            }
        }
        let list = self.list_mut(slot, layer);
        list[..links.len()].copy_from_slice(links);
        list[links.len()..].fill(EMPTY);
    }

    /// Gives a slot that no list leads to a place in the nearest list with room, counted in links
    /// from the slot. Lists are pruned to four fifths, so that one is near; where a crowd has
    /// none, the slot takes the place of a link that most other lists lead to.
    fn adopt(&mut self, orphan: u32) {
        const LOOKED_AT: usize = 32; // a bound on what a crowd of equal vectors may cost
        let most = 2 * self.shape.connections;
        let mut near: Vec<u32> = self.links(orphan, 0).collect();
        let mut looked = 0;
        while looked < near.len().min(LOOKED_AT) {
            let mut links: Vec<u32> = self.links(near[looked], 0).collect();
            if links.len() < most {
                links.push(orphan);
                return self.set_list(near[looked], 0, &links);
            }
            let new = |link: &u32| *link != orphan && !near.contains(link);
            let more: Vec<u32> = links.into_iter().filter(new).collect();
            near.extend(more);
            looked += 1;
        }
        let Some(&parent) = near.first() else { return };
        let mut links: Vec<u32> = self.links(parent, 0).collect();
        let popular = (0..most).rev().max_by_key(|&i| self.in_degrees[links[i] as usize]);
        links[popular.expect("the list is full")] = orphan;
        self.set_list(parent, 0, &links);
    }

    /// The links of a new slot, by layer from the ground.
    fn choose(&self, slot: u32, round: std::ops::Range<u32>, pool: &mut Pool) -> Vec<Vec<u32>> {
        let Shape { connections, ef_construction, .. } = self.shape;
        let query = self.rows.row(slot as usize);
        let own = self.layers_above(slot);
        let entry = self.entry.expect("a graph that is linked has an entry");
        let highest = self.layers_above(entry);

        let mut peers: Vec<Candidate> =
            round.filter(|&peer| peer != slot).map(|peer| self.measure(query, peer)).collect();
        peers.sort_unstable();
        let mut nearest = self.descend(query, self.measure(query, entry), own);
        let mut layers = Vec::with_capacity(own + 1);
        for layer in (0..=own).rev() {
            pool.start(self.rows.len(), ef_construction);
            if layer <= highest {
                pool.see(nearest.slot());
                pool.offer(nearest);
                self.beam(query, layer, pool);
                nearest = pool.candidates().first().map_or(nearest, |first| first.plain());
            }
            let here = peers.iter().filter(|peer| self.layers_above(peer.slot()) >= layer);
            for &peer in here {
                if !pool.offer(peer) {
                    break;
                }
            }
            layers.push(self.prune(pool.candidates(), connections));
        }
        layers.reverse();
        layers
    }

    /// A target's links and the new ones; where they are too many, pruned to four fifths, so that
    /// the next few need no pruning.
    fn with_back(&self, back: &[Back]) -> Vec<u32> {
        let (target, layer, _) = back[0];
        let most = self.list(target, layer).len();
        let mut links: Vec<u32> = self.links(target, layer).collect();
        links.extend(back.iter().map(|&(.., slot)| slot));
        links.sort_unstable();
        links.dedup();
        if links.len() <= most {
            return links;
        }
        let query = self.rows.row(target as usize);
        let mut candidates: Vec<_> = links.iter().map(|&link| self.measure(query, link)).collect();
        candidates.sort_unstable();
        self.prune(&candidates, most * 4 / 5)
    }
}
