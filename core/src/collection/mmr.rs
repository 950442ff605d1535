//! Results that differ from one another (see [`Mmr`]).

use super::search::Hit;
use crate::metric::DistanceMetric;
use crate::query::Mmr;

/// The first `count` hits by maximal marginal relevance; of equals the one with the better score.
/// Each choice compares what is left with the hit that was chosen last: O(count x hits x d).
pub(super) fn choose<'g>(
    hits: Vec<Hit<'g>>,
    mmr: &Mmr,
    count: usize,
    metric: DistanceMetric,
) -> Vec<Hit<'g>> {
    // A hit, and how like the most alike of those chosen it is.
    let mut rest: Vec<(Hit<'g>, f32)> =
        hits.into_iter().map(|hit| (hit, f32::NEG_INFINITY)).collect();
    let mut chosen: Vec<Hit<'g>> = Vec::new();
    while chosen.len() < count {
        let worth = |(hit, like): &(Hit<'g>, f32)| {
            let like = if chosen.is_empty() { 0.0 } else { *like };
            mmr.lambda * hit.score - (1.0 - mmr.lambda) * like
        };
        let best = (0..rest.len())
            .reduce(|best, i| if worth(&rest[i]) > worth(&rest[best]) { i } else { best });
        let Some(best) = best else { break };
        let (hit, _) = rest.remove(best);
        for (other, like) in &mut rest {
            let distance = metric.distance(&hit.vector, &other.vector);
            let score = metric.score(distance.unwrap_or(f32::INFINITY));
            if score > *like {
                *like = score;
            }
        }
        chosen.push(hit);
    }
    chosen
}
