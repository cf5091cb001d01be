//! One page of one user: opening, clicking, typing, waiting, and what it measured.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::connection::{DevTools, PageEvent};
use super::error::BrowserError;
use super::process::Browser;
use crate::plan::BrowserPlan;
use crate::units::Nanos;

const VITALS: &str = include_str!("vitals.js");
/// Handed a page's figures as it is left.
const LEFT: &str = "__plimsollLeft";
const EVENTS: &[&str] =
    &["Page.lifecycleEvent", "Inspector.targetCrashed", "Runtime.bindingCalled"];
/// A page answers a call that waits for nothing within this, or hangs.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// A page that has loaded and paints nothing for so long has nothing to paint.
const PAINT_LIMIT: Duration = Duration::from_secs(1);
/// How often an element is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A page in a context of its own: its own cookies, storage and cache.
#[derive(Debug)]
pub(super) struct BrowserPage {
    connection: DevTools,
    context: String,
    target: String,
    session: String,
    events: mpsc::UnboundedReceiver<PageEvent>,
}

fn text(value: &Value, key: &str) -> Result<String, BrowserError> {
    value[key].as_str().map(str::to_owned).ok_or(BrowserError::Gone)
}

/// `work` with its limit.
async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, BrowserError>>,
) -> Result<T, BrowserError> {
    let late = || BrowserError::TimedOut(Nanos::from_secs_f64(limit.as_secs_f64()));
    timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

impl BrowserPage {
    /// An empty page in a fresh context.
    pub(super) async fn open(browser: &Browser, plan: &BrowserPlan) -> Result<Self, BrowserError> {
        let connection = browser.connection.clone();
        let call = |method, params| within(CALL_LIMIT, connection.call(None, method, params));
        let made = call("Target.createBrowserContext", json!({"disposeOnDetach": true})).await?;
        let context = text(&made, "browserContextId")?;
        let blank = json!({"url": "about:blank", "browserContextId": context});
        let target = text(&call("Target.createTarget", blank).await?, "targetId")?;
        let attach = json!({"targetId": target, "flatten": true});
        let session = text(&call("Target.attachToTarget", attach).await?, "sessionId")?;
        let events = connection.subscribe(&session, EVENTS);
        let page = Self { connection, context, target, session, events };
        for domain in ["Page.enable", "Runtime.enable", "Inspector.enable"] {
            page.call(domain, json!({})).await?;
        }
        page.call("Page.setLifecycleEventsEnabled", json!({"enabled": true})).await?;
        page.call("Runtime.addBinding", json!({"name": LEFT})).await?;
        page.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": VITALS})).await?;
        page.slow_down(plan).await?;
        Ok(page)
    }

    /// The emulation that a plan asks for.
    async fn slow_down(&self, plan: &BrowserPlan) -> Result<(), BrowserError> {
        if plan.cpu_slowdown > 1.0 {
            let params = json!({"rate": plan.cpu_slowdown});
            self.call("Emulation.setCPUThrottlingRate", params).await?;
        }
        let network = plan.network;
        if network == crate::plan::BrowserNetwork::default() {
            return Ok(());
        }
        self.call("Network.enable", json!({})).await?;
        // Bytes a second; -1 stands for no limit.
        let bytes = |bits: Option<f64>| bits.map_or(-1.0, |bits| bits / 8.0);
        let params = json!({
            "offline": false,
            "latency": network.latency.as_millis_f64(),
            "downloadThroughput": bytes(network.down_bits),
            "uploadThroughput": bytes(network.up_bits),
        });
        self.call("Network.emulateNetworkConditions", params).await.map(|_| ())
    }

    async fn call(&self, method: &'static str, params: Value) -> Result<Value, BrowserError> {
        within(CALL_LIMIT, self.connection.call(Some(&self.session), method, params)).await
    }

    /// Loads a URL and waits for its `load` event.
    pub(super) async fn navigate(
        &mut self,
        url: &str,
        limit: Duration,
    ) -> Result<(), BrowserError> {
        while self.events.try_recv().is_ok() {}
        within(limit, async {
            let sent =
                self.connection.call(Some(&self.session), "Page.navigate", json!({"url": url}));
            let answer = sent.await?;
            if let Some(error) = answer["errorText"].as_str() {
                return Err(BrowserError::Navigation(error.to_owned()));
            }
            let loader = answer["loaderId"].as_str().unwrap_or_default().to_owned();
            self.until_loaded(Some(&loader)).await.map(|_| ())
        })
        .await
    }

    /// Waits for the next `load` event, of this document or of any. Returns what the page before told as it was left.
    async fn until_loaded(&mut self, loader: Option<&str>) -> Result<Option<String>, BrowserError> {
        let mut left = None;
        loop {
            let event = self.events.recv().await.ok_or(BrowserError::Gone)?;
            let params = &event.params;
            match event.method.as_str() {
                "Inspector.targetCrashed" => return Err(BrowserError::Crashed),
                "Runtime.bindingCalled" if params["name"] == LEFT => {
                    left = params["payload"].as_str().map(str::to_owned);
                }
                "Page.lifecycleEvent"
                    if params["name"] == "load"
                        && loader.is_none_or(|loader| params["loaderId"] == loader) =>
                {
                    return Ok(left);
                }
                _ => {}
            }
        }
    }

    /// Evaluates an expression in the page.
    async fn evaluate(&self, expression: &str) -> Result<Value, BrowserError> {
        let params = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params).await?;
        if let Some(problem) = answer.get("exceptionDetails") {
            let said = problem["exception"]["description"].as_str().or(problem["text"].as_str());
            let first = said.and_then(|said| said.lines().next()).unwrap_or("an exception");
            return Err(BrowserError::Refused(first.chars().take(200).collect()));
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits for the first contentful paint: nobody acts on, or leaves, a page that they have not seen.
    async fn until_painted(&self) -> Result<(), BrowserError> {
        let painted = "performance.getEntriesByName('first-contentful-paint').length > 0";
        let looked = async {
            while self.evaluate(painted).await? != Value::Bool(true) {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        timeout(PAINT_LIMIT, looked).await.unwrap_or(Ok(()))
    }

    /// What the document measured so far, as JSON; none where it is no document that was loaded.
    pub(super) async fn figures(&self) -> Result<Option<String>, BrowserError> {
        self.until_painted().await?;
        let told = self.evaluate("window.__plimsoll ? window.__plimsoll() : null").await?;
        Ok(told.as_str().map(str::to_owned))
    }

    /// Waits until an element is there.
    pub(super) async fn wait_for(
        &self,
        selector: Option<&str>,
        limit: Duration,
    ) -> Result<(), BrowserError> {
        let Some(selector) = selector else { return Ok(()) };
        let expression = format!("document.querySelector({}) !== null", Value::from(selector));
        let found = async {
            loop {
                match self.evaluate(&expression).await {
                    Ok(Value::Bool(true)) => return Ok(()),
                    // A document that is just being replaced answers with an error.
                    Ok(_) | Err(BrowserError::Refused(_)) => tokio::time::sleep(LOOK).await,
                    Err(error) => return Err(error),
                }
            }
        };
        let missing = |_| BrowserError::NoElement(selector.to_owned());
        timeout(limit, found).await.map_err(missing)?
    }

    /// Clicks the middle of the first element that matches.
    pub(super) async fn click(&self, selector: &str) -> Result<(), BrowserError> {
        self.until_painted().await?;
        let place = self
            .evaluate(&format!(
                "(() => {{ const e = document.querySelector({}); if (!e) return null; \
                 e.scrollIntoView({{ block: 'center', inline: 'center', behavior: 'instant' }}); \
                 const r = e.getBoundingClientRect(); \
                 return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
                Value::from(selector)
            ))
            .await?;
        let (Some(x), Some(y)) = (place[0].as_f64(), place[1].as_f64()) else {
            return Err(BrowserError::NoElement(selector.to_owned()));
        };
        let steps = [
            ("mouseMoved", "none", 0, 0),
            ("mousePressed", "left", 1, 1),
            ("mouseReleased", "left", 0, 1),
        ];
        for (kind, button, buttons, clicks) in steps {
            let params = json!({
                "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": clicks,
            });
            self.call("Input.dispatchMouseEvent", params).await?;
        }
        Ok(())
    }

    /// Clicks an element that leads to another page and waits for its `load` event. Returns what the page before told
    /// as it was left; where the browser lets it say nothing then, what it told before the click.
    pub(super) async fn click_away(
        &mut self,
        selector: &str,
        limit: Duration,
    ) -> Result<Option<String>, BrowserError> {
        while self.events.try_recv().is_ok() {}
        let before = self.figures().await?;
        self.click(selector).await?;
        let left = within(limit, self.until_loaded(None)).await?;
        Ok(left.filter(|told| !told.is_empty()).or(before))
    }

    /// Types into the first element that matches, key by key.
    pub(super) async fn type_text(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        let expression = format!(
            "(() => {{ const e = document.querySelector({}); if (!e) return false; e.focus(); return true; }})()",
            Value::from(selector)
        );
        if self.evaluate(&expression).await? != Value::Bool(true) {
            return Err(BrowserError::NoElement(selector.to_owned()));
        }
        for key in text.chars().map(String::from) {
            let down = json!({"type": "keyDown", "text": key, "key": key});
            self.call("Input.dispatchKeyEvent", down).await?;
            self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key})).await?;
        }
        Ok(())
    }

    /// Closes the page and forgets its context.
    pub(super) async fn close(self) {
        self.connection.unsubscribe(&self.session);
        let context = json!({"browserContextId": self.context});
        let calls = [
            ("Target.closeTarget", json!({"targetId": self.target})),
            ("Target.disposeBrowserContext", context),
        ];
        for (method, params) in calls {
            // A page that hangs goes with its browser.
            let _ = within(CALL_LIMIT, self.connection.call(None, method, params)).await;
        }
    }
}
