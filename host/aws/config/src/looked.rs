//! Where credentials were looked for, for people who have none.

use std::{env, path::PathBuf};

/// The places, each with what was found there.
pub(crate) fn places() -> String {
    let set = |name: &str| match env::var_os(name) {
        Some(value) if value.is_empty() => format!("{name} (empty)"),
        Some(_) => format!("{name} (set)"),
        None => format!("{name} (not set)"),
    };
    let profile = env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_owned());
    let file = |variable: &str, name: &str| {
        let own = env::var_os(variable).map(PathBuf::from);
        let path = own.or_else(|| Some(env::home_dir()?.join(".aws").join(name)));
        let path = path.unwrap_or_else(|| PathBuf::from(name));
        let there = if path.is_file() { "is there" } else { "no such file" };
        format!("{} ({there})", path.display())
    };
    let metadata = match env::var("AWS_EC2_METADATA_DISABLED").as_deref() {
        Ok("true") => "switched off by AWS_EC2_METADATA_DISABLED",
        _ => "no answer",
    };
    format!(
        "looked at: the variables {} and {}; the profile `{profile}` in {} and {}; a web identity, {}; a container's role, {}; \
         this machine's role ({metadata})",
        set("AWS_ACCESS_KEY_ID"),
        set("AWS_SECRET_ACCESS_KEY"),
        file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        file("AWS_CONFIG_FILE", "config"),
        set("AWS_WEB_IDENTITY_TOKEN_FILE"),
        set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    )
}

/// Where the credentials that were refused probably came from.
pub(crate) fn source() -> String {
    if env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|value| !value.is_empty()) {
        return "those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN".to_owned();
    }
    match env::var("AWS_PROFILE") {
        Ok(profile) => format!("those of the profile `{profile}` (AWS_PROFILE)"),
        Err(_) => "those of the profile `default`, or of this machine's role".to_owned(),
    }
}
