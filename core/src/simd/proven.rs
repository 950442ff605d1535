//! The one way from a safe method to an instruction set.

/// Methods of [`Lanes`](super::lanes::Lanes) whose bodies are compiled with `$features`.
///
/// Inside, the set's intrinsics are safe to call. The call into the body is the only unsafe step,
/// and the same one every time: it is sound because a `self` exists only where its type's `detect`
/// has seen the features.
macro_rules! proven {
    ($features:literal: $(
        fn $name:ident(self $(, $argument:ident: $type:ty)*) -> $output:ty $body:block
    )*) => {$(
        #[inline(always)]
        fn $name(self $(, $argument: $type)*) -> $output {
            #[inline]
            #[target_feature(enable = $features)]
            fn proven($($argument: $type),*) -> $output $body
            // SAFETY: `self` is made only by `detect`, which has seen these features.
            unsafe { proven($($argument),*) }
        }
    )*};
}

/// [`Lanes::run`](super::lanes::Lanes::run): the entry where the features are switched on.
#[cfg(target_arch = "x86_64")]
macro_rules! proven_run {
    ($features:literal) => {
        #[inline(always)]
        fn run<O: Operation>(self, operation: O) -> O::Output {
            #[target_feature(enable = $features)]
            fn proven<O: Operation>(lanes: impl Lanes, operation: O) -> O::Output {
                operation.run(lanes)
            }
            // SAFETY: `self` is made only by `detect`, which has seen these features.
            unsafe { proven(self, operation) }
        }
    };
}

pub(super) use proven;
#[cfg(target_arch = "x86_64")]
pub(super) use proven_run;
