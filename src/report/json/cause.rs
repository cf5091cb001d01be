//! The cause of a verdict for machines: its kind, what is known of it, and the sentence that heads the report.

use serde_json::{Value, json};

use super::values::{ms, number, rounded, unit};
use crate::wording;
use plimsoll_slo::{Cause, Judgement, MoreTime};

/// `null` of a pass. Of a row, `objective` is its position in `objectives`.
pub(super) fn value(judgement: &Judgement) -> Value {
    let Some(cause) = &judgement.cause else { return Value::Null };
    let mut told = match cause {
        Cause::Outage(outage) => json!({
            "begin_s": rounded(outage.begin.as_secs_f64()),
            "length_s": rounded(outage.length.as_secs_f64()),
            "outages": outage.outages,
            "unserved": outage.unserved,
            "requests": outage.requests,
            "class": outage.class.name(),
        }),
        Cause::RateLimited { limit } => json!({
            "requests_per_s": limit.as_ref().map(|limit| rounded(limit.rate.get())),
        }),
        Cause::Overloaded(overload) => json!({
            "dropped": overload.dropped,
            "intended": overload.intended,
            "p95_ms": overload.p95.map(ms),
            "full": overload.full.as_ref().map(|full| json!({
                "tier": full.tier,
                "metric": full.metric,
                "used": rounded(full.used.get()),
            })),
        }),
        Cause::Errors { row, failed, attempts, class } => json!({
            "objective": row,
            "failed": failed,
            "attempts": attempts,
            "class": class.map(plimsoll_metrics::ErrorClass::name),
        }),
        Cause::Aborted { at, note } => json!({
            "at_s": rounded(at.as_secs_f64()),
            "condition": note.condition,
            "value": number(note.value),
            "unit": unit(note.value),
            "requests": note.requests,
        }),
        Cause::EndedEarly { by } => json!({ "by": by }),
        Cause::ShardsLeftOut { left_out, of } => json!({ "left_out": left_out, "of": of }),
        Cause::LoadShortfall(shortfall) => json!({
            "asked_per_s": rounded(shortfall.asked.get()),
            "sent_per_s": rounded(shortfall.sent.get()),
            "ended_early": rounded(shortfall.ended_early.get()),
            "steps": shortfall.steps.iter().map(|(step, failures)| json!({
                "step": step,
                "failures": failures,
            })).collect::<Vec<_>>(),
        }),
        Cause::Measurement { test } => json!({ "test": test.word() }),
        Cause::TooShort { row, more } => json!({
            "objective": row,
            "more_s": match more {
                Some(MoreTime::About(time)) => Some(rounded(time.as_secs_f64())),
                Some(MoreTime::TooLong) | None => None,
            },
        }),
        Cause::ObjectiveExceeded { row }
        | Cause::GeneratorLag { row }
        | Cause::NotMeasured { row }
        | Cause::TargetMissed { row } => json!({ "objective": row }),
    };
    told["kind"] = json!(cause.name());
    told["sentence"] = json!(wording::headline(judgement));
    told
}
