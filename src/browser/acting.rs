//! What a user does with a page: waits for an element, clicks it, types into it.
//!
//! An element is looked for in the page itself, as long as a step may take: pages put theirs together late. What cannot be
//! clicked by a person (hidden, covered, outside) is not clicked, and the error says what is in the way.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{BrowserError, ElementFault};
use super::page::{BrowserPage, PageArrival};
use plimsoll_plan::PageMilestone;

const ELEMENT: &str = include_str!("element.js");

/// What somebody wants of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ElementUse {
    /// That it is there.
    There,
    /// A place to click.
    Click,
    /// That it takes keys.
    Focus,
}

/// What `element.js` says.
#[derive(Debug, Clone, Deserialize)]
struct FoundElement {
    /// Milliseconds from the start of the navigation.
    at: f64,
    /// Why it cannot be used.
    why: Option<String>,
    /// What a click would hit in its place.
    by: Option<String>,
    /// Where its middle is, in pixels.
    x: Option<f64>,
    y: Option<f64>,
}

impl BrowserPage {
    /// Waits until an element is there; the document's time then.
    pub(super) async fn wait_for(
        &self,
        selector: &str,
        limit: Duration,
    ) -> Result<f64, BrowserError> {
        self.element(selector, ElementUse::There, limit).await.map(|found| found.at)
    }

    /// Clicks the middle of the first element that matches.
    pub(super) async fn click(&self, selector: &str, limit: Duration) -> Result<(), BrowserError> {
        self.until_painted().await?;
        let found = self.element(selector, ElementUse::Click, limit).await?;
        let steps = [
            ("mouseMoved", "none", 0, 0),
            ("mousePressed", "left", 1, 1),
            ("mouseReleased", "left", 0, 1),
        ];
        for (kind, button, buttons, clicks) in steps {
            let params = json!({
                "type": kind, "x": found.x, "y": found.y, "button": button, "buttons": buttons,
                "clickCount": clicks,
            });
            self.call("Input.dispatchMouseEvent", params).await?;
        }
        Ok(())
    }

    /// Clicks an element that leads to another page and waits until that one has come as far as `until`. Tells, too, what
    /// the page before measured; where the browser lets it say nothing as it is left, what it told before the click.
    pub(super) async fn click_away(
        &mut self,
        selector: &str,
        (until, limit): (PageMilestone, Duration),
    ) -> Result<(PageArrival, Option<String>), BrowserError> {
        self.forget_events();
        let before = self.figures().await?;
        self.click(selector, limit).await?;
        let (arrival, left) = self.arrive(until, limit).await?;
        Ok((arrival, left.filter(|told| !told.is_empty()).or(before)))
    }

    /// Types into the first element that matches, key by key; a line feed is Enter, a tab is Tab.
    pub(super) async fn type_text(
        &self,
        selector: &str,
        text: &str,
        limit: Duration,
    ) -> Result<(), BrowserError> {
        self.until_painted().await?;
        self.element(selector, ElementUse::Focus, limit).await?;
        for character in text.chars() {
            let (key, code, text) = match character {
                '\n' => ("Enter".to_owned(), 13, "\r".to_owned()),
                '\t' => ("Tab".to_owned(), 9, "\t".to_owned()),
                other => (other.to_string(), 0, other.to_string()),
            };
            let down = json!({
                "type": "keyDown", "text": text, "key": key, "windowsVirtualKeyCode": code,
            });
            self.call("Input.dispatchKeyEvent", down).await?;
            let up = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", up).await?;
        }
        Ok(())
    }

    /// Waits until an element can be used as wanted.
    async fn element(
        &self,
        selector: &str,
        wanted: ElementUse,
        limit: Duration,
    ) -> Result<FoundElement, BrowserError> {
        let word = match wanted {
            ElementUse::There => "there",
            ElementUse::Click => "click",
            ElementUse::Focus => "focus",
        };
        let begun = tokio::time::Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            let expression =
                format!("{ELEMENT}({}, '{word}', {})", Value::from(selector), left.as_millis());
            let found = match self.promised(&expression, left).await {
                Ok(found) => found,
                // A document that is just being replaced takes the question with it.
                Err(BrowserError::Refused(_)) if !left.is_zero() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let found: FoundElement =
                serde_json::from_value(found).map_err(|_| BrowserError::Unreadable)?;
            return match &found.why {
                None => Ok(found),
                Some(why) => Err(BrowserError::Element {
                    selector: selector.to_owned(),
                    fault: ElementFault::of(why, found.by),
                }),
            };
        }
    }
}
