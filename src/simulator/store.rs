//! Items that requests create and later requests find: bookings, trips, jobs.

use std::collections::{HashMap, VecDeque};

use minijinja::Value;

use plimsoll_plan::value::reckoned_of;

/// The most items that one store remembers; the oldest are forgotten, so that memory is bounded.
const LIMIT: usize = 200_000;

/// Items by identifier.
#[derive(Debug, Default)]
pub(super) struct Store {
    items: HashMap<String, serde_json::Value>,
    order: VecDeque<String>,
}

impl Store {
    /// Keeps an item under its `id`; an item without one is kept under `fallback`. Returns that key: the one
    /// name by which all that follows finds the item.
    pub(super) fn insert(&mut self, item: serde_json::Value, fallback: &str) -> String {
        let id = match item.get("id") {
            Some(serde_json::Value::String(id)) => id.clone(),
            Some(other) if !other.is_null() => other.to_string(),
            _ => fallback.to_owned(),
        };
        if self.items.insert(id.clone(), item).is_none() {
            self.order.push_back(id.clone());
        }
        while self.order.len() > LIMIT {
            if let Some(oldest) = self.order.pop_front() {
                self.items.remove(&oldest);
            }
        }
        id
    }

    /// The item, for a template.
    pub(super) fn find(&self, id: &str) -> Option<Value> {
        self.items.get(id).map(reckoned_of)
    }

    /// Sets fields of an item; `false` if there is no such item.
    pub(super) fn change(&mut self, id: &str, fields: &serde_json::Value) -> bool {
        let Some(item) = self.items.get_mut(id) else { return false };
        if let (Some(item), Some(fields)) = (item.as_object_mut(), fields.as_object()) {
            for (name, value) in fields {
                item.insert(name.clone(), value.clone());
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn item_is_found_by_its_id_and_can_change() {
        let mut store = Store::default();
        store.insert(json!({ "id": "b1", "status": "pending" }), "x");
        store.insert(json!({ "status": "queued" }), "x");
        assert!(store.change("b1", &json!({ "status": "paid" })));
        let status = |id| store.find(id).and_then(|item| item.get_attr("status").ok());
        assert_eq!(status("b1"), Some(Value::from("paid")));
        assert_eq!(status("x"), Some(Value::from("queued")));
        assert_eq!(status("y"), None);
    }

    #[test]
    fn item_with_a_number_for_an_id_is_found_by_its_key() {
        let mut store = Store::default();
        let key = store.insert(json!({ "id": 7, "status": "pending" }), "x");
        assert_eq!(key, "7");
        assert!(store.change(&key, &json!({ "status": "done" })));
    }

    #[test]
    fn oldest_items_are_forgotten() {
        let mut store = Store::default();
        for number in 0..=LIMIT {
            store.insert(json!({ "id": number }), "");
        }
        assert!(store.find("0").is_none() && store.find("1").is_some());
    }
}
