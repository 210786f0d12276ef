//! `millstream keys`

use std::collections::BTreeSet;

use console::style;
use millstream_control::Control;
use millstream_core::quantity::Duration;
use millstream_registry::{Key, Keys, NewKey, Scope};
use serde_json::{Value, json};

use super::{End, Usage, print, print_json};
use crate::{
    cli::{HomeArgs, KeysArgs, KeysVerb},
    display::{foreign, text},
    place::open_home,
};

pub fn keys(home: &HomeArgs, args: &KeysArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let (keys, control) = (Keys::new(home.store().as_ref()), Control::new(&home));
    let now = home.now();
    let mut end = End::Done;
    match &args.verb {
        KeysVerb::Create { name, scopes, endpoints, expires, output } => {
            let expires = match expires {
                None => None,
                Some(written) => {
                    let wrong = || Usage(format!("--expires: `{written}` is not a time such as 90d or 12h"));
                    Some(now.saturating_add(Duration::parse(written).ok_or_else(wrong)?.0))
                }
            };
            let endpoints: BTreeSet<String> = endpoints.iter().cloned().collect();
            let new = NewKey {
                name: name.clone(),
                scopes: scopes.iter().copied().collect(),
                endpoints: (!endpoints.is_empty()).then_some(endpoints),
                expires,
            };
            let (key, secret) = control.create_key(new)?;
            if output.json {
                let mut shown = public(&key);
                shown["key"] = secret.into();
                shown["access-key-id"] = key.access_key_id().into();
                shown["secret-access-key"] = key.secret_access_key().into();
                print_json(&shown)?;
            } else {
                print(&format!("{secret}\n"))?;
                if key.allows(Scope::Read, None) || key.allows(Scope::Write, None) {
                    tell!(
                        "For S3 clients: AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}",
                        key.access_key_id(),
                        key.secret_access_key()
                    );
                }
                tell!("Keep it: it is not shown again. `millstream keys revoke {}` revokes it", key.id);
            }
        }
        KeysVerb::List { output } => {
            let mut all = Vec::new();
            for (id, read) in keys.list()? {
                match read {
                    Ok(key) => all.push(key),
                    Err(error) => {
                        let red = style("error:").for_stderr().red().bold();
                        tell!("{red} key {id}: {error}; `millstream keys revoke {id}` removes it");
                        end = End::Failed;
                    }
                }
            }
            if output.json {
                print_json(&all.iter().map(public).collect::<Vec<_>>())?;
            } else if all.is_empty() && end == End::Done {
                tell!("There is no key yet; `millstream keys create NAME --scope invoke` creates one");
            } else if !all.is_empty() {
                print(&table(&all, now))?;
            }
        }
        KeysVerb::Revoke { id, output } => {
            control.revoke_key(id)?;
            match output.json {
                true => print_json(&json!({"id": id, "revoked": true}))?,
                false => tell!("{id}: revoked"),
            }
        }
    }
    Ok(end)
}

/// What anybody may see of a key: its hash is of no use to people.
fn public(key: &Key) -> Value {
    json!({
        "id": key.id, "name": key.name, "scopes": key.scopes, "endpoints": key.endpoints,
        "created": key.created, "expires": key.expires,
    })
}

fn table(keys: &[Key], now: u64) -> String {
    let mut rows =
        vec![["KEY", "NAME", "SCOPES", "ENDPOINTS", "CREATED", "EXPIRES"].map(str::to_owned).to_vec()];
    for key in keys {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let endpoints = key.endpoints.as_ref().map_or_else(
            || "all".to_owned(),
            |names| names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        );
        let expires = match key.expires {
            None => "never".to_owned(),
            Some(at) if at <= now => "expired".to_owned(),
            Some(at) => text::moment(at),
        };
        rows.push(vec![
            key.id.clone(),
            foreign::line(&key.name).into_owned(),
            scopes.join(", "),
            endpoints,
            text::moment(key.created),
            expires,
        ]);
    }
    text::table(&rows)
}
