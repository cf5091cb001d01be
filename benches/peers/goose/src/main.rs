//! One step, or with `JOURNEY=1` the journey of three, as fast as goose can; prints how many requests.

use goose::prelude::*;

async fn one_step(user: &mut GooseUser) -> TransactionResult {
    user.get("/").await?;
    Ok(())
}

/// Logs in, captures the token, searches and books with it.
async fn journey(user: &mut GooseUser) -> TransactionResult {
    let login = user.post("/login", r#"{"user":"a","password":"b"}"#).await?;
    let body = login.response?.text().await?;
    let token = body.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    for (method, path) in
        [(GooseMethod::Get, "/search?from=GRU&to=JFK"), (GooseMethod::Post, "/book")]
    {
        let request = user.get_request_builder(&method, path)?.header("authorization", &bearer);
        let request = match method {
            GooseMethod::Post => request.body(r#"{"flight":7}"#),
            _ => request,
        };
        user.request(GooseRequest::builder().set_request_builder(request).build()).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), GooseError> {
    let flow = match std::env::var_os("JOURNEY") {
        Some(_) => scenario!("journey").register_transaction(transaction!(journey)),
        None => scenario!("one step").register_transaction(transaction!(one_step)),
    };
    let metrics = GooseAttack::initialize()?.register_scenario(flow).execute().await?;
    let requests: usize =
        metrics.requests.values().map(|of| of.success_count + of.fail_count).sum();
    println!("{requests} requests in all");
    Ok(())
}
