//! Linking slots in rounds (Manohar et al., "Parlay-ANN: scalable and deterministic parallel
//! graph-based approximate nearest neighbor search algorithms", 2024).
//!
//! Every slot of a round searches the graph as it was before the round and is compared with all
//! others of the round; then each list that new links point back from is rewritten once, by one
//! task. Tasks never wait for one another, and how they are spread over threads changes nothing:
//! the suite compares digests of graphs built by one, two and seven threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock};

use super::pool::{Admit, Pool};
use super::{Candidate, GraphView, GraphWriter, Shape};
use crate::memory::{State, links};
use crate::sorted::{joined, parted};

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
pub(crate) fn map<T: Send + Sync>(
    executor: &dyn Executor,
    count: usize,
    task: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    let run = || {
        executor.run(count, &|i| {
            results[i].get_or_init(|| task(i));
        });
    };
    // An executor that panics, or leaves tasks out, costs time and nothing else: half a batch must
    // never be left behind.
    let _ = catch_unwind(AssertUnwindSafe(run));
    let done = results.into_iter().enumerate();
    done.map(|(i, result)| result.into_inner().unwrap_or_else(|| task(i))).collect()
}

/// The pools of the tasks that are running, kept for those that come.
#[derive(Debug, Default)]
pub(super) struct Pools(Mutex<Vec<Pool>>);

impl Pools {
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().map_or(0, |pools| pools.iter().map(Pool::bytes).sum())
    }

    pub(super) fn with<T>(&self, task: impl FnOnce(&mut Pool) -> T) -> T {
        let pooled = self.0.lock().ok().and_then(|mut pools| pools.pop());
        let mut pool = pooled.unwrap_or_default();
        pool.cost = super::Cost::default();
        let result = task(&mut pool);
        if let Ok(mut pools) = self.0.lock() {
            pools.push(pool);
        }
        result
    }
}

/// Slots of a round: enough to keep threads busy, few enough that most of the graph is there.
const ROUND_MAX: usize = 512;

/// A slot that a list led to, and whose list that was.
pub(super) type Dropped = (u32, u32);

/// The links of a slot, by layer from the ground.
pub(super) struct Chosen {
    pub(super) layers: Vec<Vec<u32>>,
    /// A smaller slot with the same row. It stands for both in the lists of others, and leads to
    /// this one.
    twin: Option<u32>,
}

/// A new link back: the target that it starts from, its layer, and the slot that it leads to.
pub(super) type Back = (u32, usize, u32);

impl GraphWriter {
    pub(super) fn link_all(
        &self,
        slots: &[u32],
        live: usize,
        states: &[State],
        executor: &dyn Executor,
    ) {
        let mut rest = slots;
        while !rest.is_empty() {
            let linked = live + slots.len() - rest.len();
            let most = match self.graph.view().entry() {
                // At most 2 % of the graph.
                Some(_) => (linked / 50).clamp(1, ROUND_MAX),
                None => {
                    self.graph.entry.store(rest[0], Ordering::Release);
                    rest = &rest[1..];
                    continue;
                }
            };
            let (round, later) = rest.split_at(most.min(rest.len()));
            self.link_round(round, states, executor);
            rest = later;
        }
    }

    fn link_round(&self, round: &[u32], states: &[State], executor: &dyn Executor) {
        let view = self.graph.view();
        // Nobody reads the lists of a round before it is over.
        let chosen = map(executor, round.len(), |i| {
            let choose = |pool: &mut Pool| view.choose(round[i], round, states, pool);
            let chosen = self.pools.with(choose);
            for (layer, links) in chosen.layers.iter().enumerate() {
                self.set_list(&view, round[i], layer, links);
            }
            chosen
        });
        let mut back: Vec<Back> = Vec::new();
        for (&slot, chosen) in round.iter().zip(&chosen).filter(|(_, c)| c.twin.is_none()) {
            for (layer, links) in chosen.layers.iter().enumerate() {
                back.extend(links.iter().map(|&target| (target, layer, slot)));
            }
        }
        let mut dropped = self.link_back(&view, back, states, executor);
        let from = |chosen: &Chosen| chosen.twin.or(chosen.layers[0].first().copied());
        let new = round.iter().zip(&chosen);
        dropped.extend(new.filter_map(|(&slot, chosen)| Some((slot, from(chosen)?))));
        self.adopt_all(&view, dropped, states);
        // Of those in the most layers the first; `max_by_key` would take the last.
        let entries = view.entry().into_iter().chain(round.iter().copied());
        let entry = entries.rev().max_by_key(|&slot| view.layers_above(slot));
        let entry = entry.expect("a round has slots");
        self.graph.entry.store(entry, Ordering::Release);
        let before = view.entry().filter(|&before| before != entry);
        let left = before.map(|before| (before, entry)).into_iter().collect();
        self.adopt_all(&self.graph.view(), left, states);
    }

    /// Adds links back to their targets' lists, each target by one task, and returns whom that
    /// drove out of which list.
    pub(super) fn link_back(
        &self,
        view: &GraphView<'_>,
        mut back: Vec<Back>,
        states: &[State],
        executor: &dyn Executor,
    ) -> Vec<Dropped> {
        sort_back(&mut back);
        let targets: Vec<&[Back]> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let dropped = map(executor, targets.len(), |i| {
            let (target, layer, _) = targets[i][0];
            let mut others: Vec<u32> = view.links(target, layer).collect();
            for &(.., slot) in targets[i] {
                if !others.contains(&slot) {
                    others.push(slot);
                }
            }
            if others.len() > view.list(target, layer).len() {
                others = view.around(target, layer, &others, states);
            }
            let links = view.among(target, layer, others);
            let mut dropped = self.set_list(view, target, layer, &links);
            let unwanted = |slot: &u32| !links.contains(slot);
            dropped.extend(targets[i].iter().map(|&(.., slot)| slot).filter(unwanted));
            dropped.into_iter().map(|slot| (slot, target)).collect::<Vec<_>>()
        });
        dropped.into_iter().flatten().collect()
    }

    /// Finds a list for each live slot that is in none, near the one that dropped it: what leads to
    /// that one then leads to both.
    pub(super) fn adopt_all(&self, view: &GraphView<'_>, dropped: Vec<Dropped>, states: &[State]) {
        let mut dropped: Vec<u64> =
            dropped.into_iter().map(|(slot, from)| joined(slot, from)).collect();
        dropped.sort_unstable();
        dropped.dedup_by_key(|pair| *pair >> 32);
        for (slot, from) in dropped.into_iter().map(parted) {
            let alone = self.in_degrees[slot as usize].load(Ordering::Relaxed) == 0;
            if alone && states[slot as usize] == State::Live && view.entry() != Some(slot) {
                self.adopt(view, slot, vec![from], states);
            }
        }
    }

    /// Gives a slot that no list leads to a place in another: in that of an equal, or in the
    /// nearest with room, counted in links from those that are near it.
    ///
    /// Equal slots hang below one another as a tree, a smaller one above: whoever comes descends to
    /// one with room.
    pub(super) fn adopt(
        &self,
        view: &GraphView<'_>,
        orphan: u32,
        mut near: Vec<u32>,
        states: &[State],
    ) {
        const STEPS: u32 = 64; // far deeper than a tree of all slots
        let most = 2 * self.graph.shape.connections;
        let live = |slot: &u32| states[*slot as usize] == State::Live;
        near.retain(live);
        near.extend(view.entry().filter(|entry| near.is_empty() && live(entry)));
        let equals = |slot: &u32| *slot < orphan && live(slot) && view.equal(*slot, orphan);
        let mut twin = near.iter().copied().find(equals);
        for step in 0..STEPS {
            let Some(parent) = twin else { break };
            let mut links: Vec<u32> = view.links(parent, 0).collect();
            if links.len() < most {
                links.push(orphan);
                self.set_list(view, parent, 0, &links);
                return;
            }
            links.retain(equals);
            let turn = (orphan ^ step).wrapping_mul(0x9e37_79b9) >> 8;
            twin = links.get(turn as usize % links.len().max(1)).copied();
        }
        if let Some((parent, links)) = self.nearest_place(view, orphan, near, states) {
            self.set_list(view, parent, 0, &links);
        }
    }

    /// The nearest list that an orphan can be in, and the list with it: one with room where its
    /// link counts; else in the place of the link that most other lists lead to; else where its
    /// link does not count.
    fn nearest_place(
        &self,
        view: &GraphView<'_>,
        orphan: u32,
        mut near: Vec<u32>,
        states: &[State],
    ) -> Option<(u32, Vec<u32>)> {
        const LOOKED_AT: usize = 32; // a bound on what a crowd of equal vectors may cost
        const FOUND_MAX: usize = 4096; // and on what it costs where nobody has room
        let most = 2 * self.graph.shape.connections;
        let degree = |link: u32| self.in_degrees[link as usize].load(Ordering::Relaxed);
        let (mut popular, mut uncounted) = (None, None);
        let mut most_lists = 1;
        let mut looked = 0;
        while looked < near.len().min(LOOKED_AT) || popular.is_none() && looked < near.len() {
            let parent = near[looked];
            let mut links: Vec<u32> = view.links(parent, 0).collect();
            looked += 1;
            if near.len() < FOUND_MAX {
                let live = |link: &u32| states[*link as usize] == State::Live;
                let new = |link: &u32| *link != orphan && live(link) && !near.contains(link);
                let more: Vec<u32> = links.iter().copied().filter(new).collect();
                near.extend(more);
            }
            if links.contains(&orphan) {
                continue;
            }
            if links.len() < most {
                links.push(orphan);
                if view.counts(parent, orphan) {
                    return Some((parent, links));
                }
                uncounted.get_or_insert((parent, links));
            } else if view.counts(parent, orphan) {
                let place = (0..most).rev().max_by_key(|&place| degree(links[place]))?;
                // One that no other list leads to would be the next orphan.
                if degree(links[place]) > most_lists {
                    most_lists = degree(links[place]);
                    links[place] = orphan;
                    popular = Some((parent, links));
                }
            }
        }
        popular.or(uncounted)
    }
}

/// Sorts links back by layer, then by target, then by slot.
fn sort_back(back: &mut [Back]) {
    let mut layers: Vec<Vec<u64>> = Vec::new();
    for &(target, layer, slot) in &*back {
        layers.resize(layers.len().max(layer + 1), Vec::new());
        layers[layer].push(joined(target, slot));
    }
    layers.iter_mut().for_each(|pairs| pairs.sort_unstable());
    let sorted = layers
        .iter()
        .enumerate()
        .flat_map(|(layer, pairs)| pairs.iter().map(move |&pair| (layer, parted(pair))));
    for (place, (layer, (target, slot))) in back.iter_mut().zip(sorted) {
        *place = (target, layer, slot);
    }
}

impl GraphView<'_> {
    /// The links of a slot, by layer from the ground, among those that are live and those of its
    /// round.
    pub(super) fn choose(
        &self,
        slot: u32,
        round: &[u32],
        states: &[State],
        pool: &mut Pool,
    ) -> Chosen {
        let admit = Admit::Live(states);
        let Shape { connections, ef_construction, .. } = self.graph.shape;
        let query = self.rows.row(slot);
        let own = self.layers_above(slot);
        let Some(entry) = self.entry() else {
            return Chosen { layers: vec![Vec::new(); own + 1], twin: None };
        };
        let highest = self.layers_above(entry);

        let mut peers = Vec::with_capacity(round.len());
        for others in round.split(|&peer| peer == slot) {
            self.gather(query, others, &mut peers);
        }
        pool.cost.distances += peers.len() as u64;
        let entry = self.measure(query, entry);
        let mut nearest = self.descend(query, entry, own, pool);
        let mut layers = Vec::with_capacity(own + 1);
        let mut twin = None;
        for layer in (0..=own).rev() {
            pool.start(self.len(), ef_construction);
            // A slot that is linked anew meets itself.
            pool.see(slot);
            if layer <= highest {
                if nearest.slot() != slot {
                    pool.see(nearest.slot());
                    pool.offer(nearest, admit);
                } else {
                    for link in links(self.list(slot, layer)) {
                        pool.see(link);
                        pool.offer(self.measure(query, link), admit);
                    }
                }
                self.beam(query, layer, pool, admit);
                nearest = pool.candidates().first().map_or(nearest, |first| first.plain());
            }
            let mut here = match layer {
                0 => std::mem::take(&mut peers),
                _ => {
                    let is_here = |peer: &&Candidate| self.layers_above(peer.slot()) >= layer;
                    peers.iter().filter(is_here).copied().collect()
                }
            };
            // Few at a time: most are farther than the farthest that is kept by then.
            here.chunks_mut(16).for_each(|here| pool.offer_all(here, Admit::All));
            let candidates = pool.candidates().iter().copied();
            let live = candidates.filter(|c| states[c.slot() as usize] == State::Live);
            let first = live.clone().next().filter(|first| first.rank() == 0);
            twin = first.map(|first| first.slot()).filter(|&first| first < slot);
            layers.push(self.prune(&mut { live }, connections));
        }
        layers.reverse();
        Chosen { layers, twin }
    }
}
