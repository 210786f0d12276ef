//! Setting who answers, with which weights.

use millstream_workflow::{
    endpoint::{
        Variant, describe,
        names::{Pick, Reference},
    },
    nearest,
};

use crate::{
    Author, Check, Deployer, Edit, Error, ModelVersion, Updated,
    deploy::{alias_mut, explain, may_be_deployed, variant},
    endpoints::changed_since,
};

/// Who shall answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// A variant that is there, or a version `NAME@VERSION` or `NAME@ALIAS` that comes to them.
    pub name: String,
    /// Its weight, relative to the others'; none for a shadow, which gets a copy of each request.
    pub weight: Option<f64>,
}

impl Target {
    /// Whether this variant is meant.
    fn is_named(&self, variant: &Variant) -> bool {
        variant.name == self.name || variant.reference() == self.name
    }
}

impl Deployer<'_> {
    /// Sets who answers behind an alias. The targets are all there are: who is not named is let go. Versions that come new are
    /// checked first. No change: so it was already.
    ///
    /// # Errors
    /// No such endpoint, alias, variant or version; nobody would answer; a version fails its check; a rollout is under way;
    /// somebody else changed the alias meanwhile; what the store met.
    pub fn set_traffic(
        &self,
        endpoint: &str,
        alias: &str,
        targets: &[Target],
        author: &Author<'_>,
        check: Check<'_>,
    ) -> Result<Updated, Error> {
        self.traffic(endpoint, alias, |_| targets.to_vec(), author, check)
    }

    /// Sets the weights of the targets that are named; variants that are not named keep theirs, as they are in the moment of
    /// the write.
    ///
    /// # Errors
    /// As [`Deployer::set_traffic`].
    pub fn adjust_traffic(
        &self,
        endpoint: &str,
        alias: &str,
        targets: &[Target],
        author: &Author<'_>,
        check: Check<'_>,
    ) -> Result<Updated, Error> {
        let adjusted = |there: &[Variant]| {
            let others =
                there.iter().filter(|variant| !targets.iter().any(|target| target.is_named(variant)));
            let kept = others.map(|variant| Target {
                name: variant.name.clone(),
                weight: (!variant.shadow).then_some(variant.weight),
            });
            kept.chain(targets.iter().cloned()).collect()
        };
        self.traffic(endpoint, alias, adjusted, author, check)
    }

    /// `targets` makes the list out of the variants that are there. It is written only if they still are.
    fn traffic(
        &self,
        endpoint: &str,
        alias: &str,
        targets: impl FnOnce(&[Variant]) -> Vec<Target>,
        author: &Author<'_>,
        check: Check<'_>,
    ) -> Result<Updated, Error> {
        let mut before = self.endpoints.get(endpoint)?;
        // Whatever has happened since, it is not done again.
        if let Some(done) = author.repeated(&before)? {
            return Ok(Updated { endpoint: before, change: None, repeated: Some(done) });
        }
        let there = alias_mut(&mut before, alias)?.clone();
        let approved_only = before.config.approved_only;
        let mut variants = Vec::new();
        let mut new = Vec::new();
        for target in &targets(&there.variants) {
            let known = there.variants.iter().find(|variant| target.is_named(variant));
            let found = match known {
                Some(variant) => variant.clone(),
                None => {
                    let version = self.version_of(target, endpoint, &there.variants)?;
                    may_be_deployed(&version, approved_only)?;
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
            check(version)
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
            let why = format!("traffic set to {}", describe(&variants));
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
