//! One page of one user: opening it, following a click away from it, and what it measured.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::connection::{DevTools, PageEvent};
use super::error::BrowserError;
use super::process::Browser;
use plimsoll_plan::{BrowserPlan, PageMilestone};
use plimsoll_units::Nanos;

const VITALS: &str = include_str!("vitals.js");
/// Handed a page's figures as it is left.
const LEFT: &str = "__plimsollLeft";
const EVENTS: &[&str] = &[
    "Page.lifecycleEvent",
    "Page.navigatedWithinDocument",
    "Page.windowOpen",
    "Page.downloadWillBegin",
    "Inspector.targetCrashed",
    "Runtime.bindingCalled",
];
/// A page answers a call that waits for nothing within this, or hangs.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// A page that has loaded and paints nothing for so long has nothing to paint.
const PAINT_LIMIT: Duration = Duration::from_secs(1);
/// How often a paint is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A page in a context of its own: its own cookies, storage and cache.
#[derive(Debug)]
pub(super) struct BrowserPage {
    connection: DevTools,
    context: String,
    /// Its target, and its main frame: they have the same name.
    target: String,
    session: String,
    events: mpsc::UnboundedReceiver<PageEvent>,
    /// The document that it shows.
    loader: String,
}

/// Where opening or clicking led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageArrival {
    /// To another document.
    Document,
    /// To another address within the same document: a soft navigation.
    SameDocument,
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
        // Nothing that a page has to give away is written to this machine.
        let deny = json!({"behavior": "deny", "browserContextId": context});
        call("Browser.setDownloadBehavior", deny).await?;
        let blank = json!({"url": "about:blank", "browserContextId": context});
        let target = text(&call("Target.createTarget", blank).await?, "targetId")?;
        let attach = json!({"targetId": target, "flatten": true});
        let session = text(&call("Target.attachToTarget", attach).await?, "sessionId")?;
        let events = connection.subscribe(&session, EVENTS);
        let page = Self { connection, context, target, session, events, loader: String::new() };
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
        let is_slow = network != plimsoll_plan::BrowserNetwork::default();
        if is_slow || !plan.headers.is_empty() {
            self.call("Network.enable", json!({})).await?;
        }
        if !is_slow {
            return Ok(());
        }
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

    pub(super) async fn call(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Value, BrowserError> {
        within(CALL_LIMIT, self.connection.call(Some(&self.session), method, params)).await
    }

    /// Loads a URL and waits until the document has come as far as `until`.
    pub(super) async fn navigate(
        &mut self,
        url: &str,
        (until, limit): (PageMilestone, Duration),
    ) -> Result<PageArrival, BrowserError> {
        self.forget_events();
        self.milestone(until, limit, async |page| {
            let sent =
                page.connection.call(Some(&page.session), "Page.navigate", json!({"url": url}));
            let answer = sent.await?;
            if let Some(error) = answer["errorText"].as_str() {
                return Err(BrowserError::Navigation(error.to_owned()));
            }
            // Without a loader there is no new document: only what stands behind `#` has changed.
            let is_same = answer["loaderId"].as_str().is_none_or(str::is_empty);
            if is_same {
                Ok((PageArrival::SameDocument, None))
            } else {
                page.until_arrived(until).await
            }
        })
        .await
        .map(|(arrival, _)| arrival)
    }

    /// `work`, which ends when a document has come as far as `until`, within its limit.
    async fn milestone(
        &mut self,
        until: PageMilestone,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Self) -> Result<(PageArrival, Option<String>), BrowserError>,
    ) -> Result<(PageArrival, Option<String>), BrowserError> {
        let late = || BrowserError::NotLoaded { until, limit: Nanos::from(limit) };
        timeout(limit, work(self)).await.unwrap_or_else(|_| Err(late()))
    }

    /// Waits until a document other than the one before has come as far as `until`, or the address has changed within it.
    /// Tells, too, what the document before handed out as it was left.
    async fn until_arrived(
        &mut self,
        until: PageMilestone,
    ) -> Result<(PageArrival, Option<String>), BrowserError> {
        let mut left = None;
        loop {
            let Some(event) = self.events.recv().await else { return Err(self.connection.lost()) };
            let params = &event.params;
            let is_main = params["frameId"] == self.target;
            match event.method.as_str() {
                "Inspector.targetCrashed" => return Err(BrowserError::Crashed),
                "Page.windowOpen" => return Err(BrowserError::OtherWindow),
                "Page.downloadWillBegin" => return Err(BrowserError::Download),
                "Page.navigatedWithinDocument" if is_main => {
                    return Ok((PageArrival::SameDocument, None));
                }
                "Runtime.bindingCalled" if params["name"] == LEFT => {
                    left = params["payload"].as_str().map(str::to_owned);
                }
                "Page.lifecycleEvent"
                    if is_main
                        && params["name"] == until.event()
                        && params["loaderId"] != self.loader =>
                {
                    let loader = params["loaderId"].as_str().unwrap_or_default();
                    loader.clone_into(&mut self.loader);
                    return Ok((PageArrival::Document, left));
                }
                _ => {}
            }
        }
    }

    /// Evaluates an expression in the page.
    pub(super) async fn evaluate(&self, expression: &str) -> Result<Value, BrowserError> {
        self.promised(expression, Duration::ZERO).await
    }

    /// Evaluates an expression in the page; where it is a promise, what is promised within `limit`.
    pub(super) async fn promised(
        &self,
        expression: &str,
        limit: Duration,
    ) -> Result<Value, BrowserError> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let call = self.connection.call(Some(&self.session), "Runtime.evaluate", params);
        let answer = within(limit + CALL_LIMIT, call).await?;
        if let Some(problem) = answer.get("exceptionDetails") {
            let said = problem["exception"]["description"].as_str().or(problem["text"].as_str());
            let first = said.and_then(|said| said.lines().next()).unwrap_or("an exception");
            return Err(BrowserError::Script(first.chars().take(200).collect()));
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits for the first contentful paint, and that of the largest picture that has come: nobody acts on, or leaves, a
    /// page that they have not seen.
    pub(super) async fn until_painted(&self) -> Result<(), BrowserError> {
        let painted = "performance.getEntriesByName('first-contentful-paint').length > 0";
        let looked = async {
            while self.evaluate(painted).await? != Value::Bool(true) {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        timeout(PAINT_LIMIT, looked).await.unwrap_or(Ok(()))?;
        match self.evaluate("window.__plimsollPainted ? window.__plimsollPainted() : null").await {
            // A document that is just being replaced takes the question with it.
            Ok(_) | Err(BrowserError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What the document measured so far, as JSON; none where it is no document that was loaded.
    pub(super) async fn figures(&self) -> Result<Option<String>, BrowserError> {
        self.until_painted().await?;
        let told = self.evaluate("window.__plimsoll ? window.__plimsoll() : null").await?;
        Ok(told.as_str().map(str::to_owned))
    }

    /// No event so far says where the next act leads.
    pub(super) fn forget_events(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Waits within a limit until an act has led somewhere, and as far as `until`; tells, too, what the document before
    /// handed out as it was left.
    pub(super) async fn arrive(
        &mut self,
        until: PageMilestone,
        limit: Duration,
    ) -> Result<(PageArrival, Option<String>), BrowserError> {
        self.milestone(until, limit, async |page| page.until_arrived(until).await).await
    }

    /// How long after the last click it is at a moment of this document, in milliseconds; where none is given, when the
    /// next frame has been painted.
    pub(super) async fn since_click(&self, at: Option<f64>) -> Result<Option<f64>, BrowserError> {
        let at = at.map_or_else(
            || {
                "await new Promise((r) => { setTimeout(() => r(performance.now()), 200); \
                 requestAnimationFrame(() => setTimeout(() => r(performance.now()))); })"
                    .to_owned()
            },
            |at| at.to_string(),
        );
        let clicked = "window.__plimsollClicked ? window.__plimsollClicked() : null";
        let expression = format!(
            "(async () => {{ const c = {clicked}; return c === null ? null : {at} - c; }})()"
        );
        Ok(self.promised(&expression, Duration::ZERO).await?.as_f64())
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
