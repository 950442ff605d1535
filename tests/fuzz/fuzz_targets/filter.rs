//! Any text as a filter: an error, or a filter that prints as what is read back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicino_core::{Filter, Object, Scope};

fuzz_target!(|text: &str| {
    if let Ok(filter) = serde_json::from_str::<Filter>(text) {
        assert_eq!(filter.validate(), Ok(()));
        let printed = serde_json::to_string(&filter).expect("a filter is JSON");
        assert_eq!(serde_json::from_str::<Filter>(&printed).expect("it was printed"), filter);
        let metadata: Object = serde_json::from_str(text).unwrap_or_default();
        assert_ne!(filter.matches(text, &metadata), (!filter).matches(text, &metadata));
    }
    if let Ok(scope) = text.parse::<Scope>() {
        assert_eq!(scope.to_string(), text);
    }
});
