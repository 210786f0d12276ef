//! The routes. What is asked most stands first; what is asked seldom is boxed, which keeps a request's future small.

use Access::{Key, Open};
use millstream_control::Scope;
use millstream_deployment::Action;

use super::{Access, Row, Verb, define::routes};
use crate::{
    backend::Backend,
    call::Call,
    fault::{Fault, Kind, Shape},
    health, inference, lambda, later, manage, openapi,
    openapi::operations as docs,
    reply::Reply,
    sagemaker, workflows,
};

routes! {
    Invoke: Post [/ "endpoints" / {name} / "invocations"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::SageMaker,
        traced: true,
        handler: |call| sagemaker::invoke(call, name).await,
        openapi: docs::invoke::INVOKE,
    }
    InvokeV1: Post [/ "v1" / "endpoints" / {name} / "invocations"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: true,
        handler: |call| sagemaker::invoke(call, name).await,
        openapi: docs::invoke::INVOKE,
    }
    Lambda: Post [/ "2015-03-31" / "functions" / {name} / "invocations"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Lambda,
        traced: true,
        handler: |call| Box::pin(lambda::invoke(call, name)).await,
        openapi: docs::invoke::LAMBDA,
    }
    Infer: Post [/ "v2" / "models" / {name} / "infer"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: true,
        handler: |call| inference::infer(call, name, None).await,
        openapi: docs::inference::INFER,
    }
    InferVersion: Post [/ "v2" / "models" / {name} / "versions" / {version} / "infer"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: true,
        handler: |call| Box::pin(inference::infer(call, name, Some(version))).await,
        openapi: docs::inference::INFER,
    }
    InvokeStream: Post [/ "endpoints" / {name} / "invocations-response-stream"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::SageMaker,
        traced: true,
        handler: |call| Box::pin(sagemaker::invoke_stream(call, name)).await,
        openapi: docs::invoke::STREAM,
    }
    InvokeLater: Post [/ "endpoints" / {name} / "async-invocations"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::SageMaker,
        traced: true,
        handler: |call| Box::pin(later::invoke(call, name)).await,
        openapi: docs::later::INVOKE,
    }
    Answer: Get [/ "endpoints" / {name} / "async-invocations" / {id}] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::SageMaker,
        traced: false,
        handler: |call| Box::pin(later::answer(call, name, id)).await,
        openapi: docs::later::ANSWER,
    }
    Model: Get [/ "v2" / "models" / {name}] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(inference::metadata(call, name, None)).await,
        openapi: docs::inference::MODEL,
    }
    ModelVersion: Get [/ "v2" / "models" / {name} / "versions" / {version}] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(inference::metadata(call, name, Some(version))).await,
        openapi: docs::inference::MODEL,
    }
    ModelReady: Get [/ "v2" / "models" / {name} / "ready"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(inference::ready(call, name, None)).await,
        openapi: docs::inference::MODEL_READY,
    }
    ModelVersionReady: Get [/ "v2" / "models" / {name} / "versions" / {version} / "ready"] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(inference::ready(call, name, Some(version))).await,
        openapi: docs::inference::MODEL_READY,
    }
    Protocol: Get [/ "v2"] {
        scope: Open,
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |_call| Ok(inference::server()),
        openapi: docs::inference::PROTOCOL,
    }
    Live: Get [/ "v2" / "health" / "live"] {
        scope: Open,
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |_call| Ok(health::live()),
        openapi: docs::health::LIVE,
    }
    Ready: Get [/ "v2" / "health" / "ready"] {
        scope: Open,
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Ok(health::ready(call.app)),
        openapi: docs::health::READY,
    }
    Ping: Get [/ "ping"] {
        scope: Open,
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Ok(health::ping(call.app)),
        openapi: docs::health::PING,
    }
    Metrics: Get [/ "metrics"] {
        scope: Key(Scope::Invoke),
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Ok(health::metrics(call.app)),
        openapi: docs::health::METRICS,
    }
    Index: Get [/ ""] {
        scope: Key(Scope::Invoke),
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Ok(Box::pin(manage::index(call)).await),
        openapi: docs::manage::INDEX,
    }
    OpenApi: Get [/ "openapi.json"] {
        scope: Open,
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |_call| Ok(openapi::reply()),
        openapi: docs::manage::OPENAPI,
    }
    // A signature may stand for a key: the handler asks for one of them.
    StartRun: Post [/ "workflows" / {workflow} / "runs"] {
        scope: Open,
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(workflows::start(call, workflow)).await,
        openapi: docs::workflows::START,
    }
    Run: Get [/ "runs" / {run}] {
        scope: Key(Scope::Invoke),
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(workflows::run(call, run)).await,
        openapi: docs::workflows::RUN,
    }
    Endpoints: Get [/ "v1" / "endpoints"] {
        scope: Key(Scope::Invoke),
        endpoint: None,
        errors: Shape::Problem,
        traced: false,
        handler: |call| Ok(Box::pin(manage::endpoints(call)).await),
        openapi: docs::manage::ENDPOINTS,
    }
    Endpoint: Get [/ "v1" / "endpoints" / {name}] {
        scope: Key(Scope::Invoke),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(manage::endpoint(call, name)).await,
        openapi: docs::manage::ENDPOINT,
    }
    Deploy: Post | Put [/ "v1" / "endpoints" / {name} / "deploy"] {
        scope: Key(Scope::Deploy),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(manage::change(call, name, manage::deploy)).await,
        openapi: docs::manage::DEPLOY,
    }
    Traffic: Post | Put [/ "v1" / "endpoints" / {name} / "traffic"] {
        scope: Key(Scope::Deploy),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(manage::change(call, name, manage::traffic)).await,
        openapi: docs::manage::TRAFFIC,
    }
    RollBack: Post | Put [/ "v1" / "endpoints" / {name} / "rollback"] {
        scope: Key(Scope::Deploy),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(manage::change(call, name, |body| Ok(Action::RollBack(manage::reason(body)?)))).await,
        openapi: docs::manage::ROLL_BACK,
    }
    Promote: Post | Put [/ "v1" / "endpoints" / {name} / "promote"] {
        scope: Key(Scope::Deploy),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(manage::change(call, name, |body| Ok(Action::Promote(manage::reason(body)?)))).await,
        openapi: docs::manage::PROMOTE,
    }
    Abort: Post | Put [/ "v1" / "endpoints" / {name} / "abort"] {
        scope: Key(Scope::Deploy),
        endpoint: Some(name),
        errors: Shape::Problem,
        traced: false,
        handler: |call| Box::pin(manage::change(call, name, |body| Ok(Action::Abort(manage::reason(body)?)))).await,
        openapi: docs::manage::ABORT,
    }
}
