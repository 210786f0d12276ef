//! Setting who answers, with which weights.

use millstream_core::nearest;
use millstream_deployment::{
    Target, Traffic, Variant, describe,
    names::{Pick, Reference},
};

use crate::{
    Author, Check, Deployer, Edit, Error, ModelVersion, Updated,
    deploy::{alias_mut, because, explain, may_be_deployed, variant},
    endpoints::changed_since,
};

/// Whether the target is this variant.
fn is_named(target: &Target, variant: &Variant) -> bool {
    variant.name == target.name || variant.reference() == target.name
}

impl Deployer<'_> {
    /// Sets who answers behind an alias. Versions that come new are checked first. Who is not named is let go or, with
    /// `keep_others`, keeps their weight as it is in the moment of the write. No change: so it was already.
    ///
    /// # Errors
    /// No such endpoint, alias, variant or version; nobody would answer; a version fails its check; a rollout is under way;
    /// somebody else changed the alias meanwhile; the store failed.
    pub fn set_traffic(
        &self,
        endpoint: &str,
        wish: &Traffic,
        author: &Author<'_>,
        check: Check<'_>,
    ) -> Result<Updated, Error> {
        let alias = wish.alias.as_str();
        let mut before = self.endpoints.get(endpoint)?;
        // Whatever has happened since, it is not done again.
        if let Some(done) = author.repeated(&before)? {
            return Ok(Updated { endpoint: before, change: None, repeated: Some(done) });
        }
        let there = alias_mut(&mut before, alias)?.clone();
        let mut variants: Vec<Variant> = match wish.keep_others {
            false => Vec::new(),
            true => {
                let named = |variant: &&Variant| wish.targets.iter().any(|target| is_named(target, variant));
                there.variants.iter().filter(|variant| !named(variant)).cloned().collect()
            }
        };
        let mut new = Vec::new();
        for target in &wish.targets {
            let known = there.variants.iter().find(|variant| is_named(target, variant));
            let found = match known {
                Some(variant) => variant.clone(),
                None => {
                    let version = self.version_of(target, endpoint, &there.variants)?;
                    may_be_deployed(&version, before.config.approved_only)?;
                    let variant = variant(&version, None)?;
                    new.push(version);
                    variant
                }
            };
            let weight = target.weight.unwrap_or(0.0);
            variants.push(Variant { weight, shadow: target.weight.is_none(), ..found });
        }
        // What would be refused in the end is refused before the work.
        there.clone().set_traffic(variants.clone()).map_err(|refused| explain(endpoint, refused))?;
        for version in &new {
            check(version, &before.config)
                .map_err(|failure| Error::Check { model: version.reference(), failure: Box::new(failure) })?;
        }
        let updated = self.endpoints.update(endpoint, author, None, |endpoint| {
            if endpoint.aliases.get(alias) != Some(&there) {
                return Err(changed_since(endpoint, before.revision, Some(alias)));
            }
            for version in &new {
                let now = self.models.version(&version.name, version.version)?;
                may_be_deployed(&now, endpoint.config.approved_only)?;
            }
            let name = endpoint.name.clone();
            let changed = alias_mut(endpoint, alias)?
                .set_traffic(variants.clone())
                .map_err(|refused| explain(&name, refused))?;
            let why = because(format!("traffic set to {}", describe(&variants)), wish.reason.as_deref());
            Ok(changed.then(|| Edit { alias: Some(alias.to_owned()), why }))
        })?;
        // Whoever removed one between the last look and the write did not see that it is in use.
        for version in &new {
            self.models.claim(&version.name, version.version)?;
        }
        Ok(updated)
    }

    fn version_of(&self, target: &Target, endpoint: &str, there: &[Variant]) -> Result<ModelVersion, Error> {
        match Reference::parse(&target.name) {
            Ok(reference) if reference.pick != Pick::Newest => self.models.resolve(&reference, false),
            _ => {
                let names = there.iter().map(|variant| variant.name.as_str());
                let help = nearest::or_all(&target.name, names, "variants");
                Err(Error::NotFound(format!(
                    "endpoint `{endpoint}` has no variant `{}`; {help}; a version that is to come is written \
                     NAME@VERSION",
                    target.name
                )))
            }
        }
    }
}
