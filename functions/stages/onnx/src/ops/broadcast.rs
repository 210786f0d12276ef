//! Shapes made alike, as NumPy does: sides of 1 are repeated.

use crate::fault::Fault;
use crate::tensor::count;

/// The shape that two shapes have in common.
pub fn shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Fault> {
    let rank = a.len().max(b.len());
    let side = |shape: &[usize], place: usize| {
        (place + shape.len()).checked_sub(rank).map_or(1, |place| shape[place])
    };
    let common = (0..rank).map(|place| match (side(a, place), side(b, place)) {
        (x, y) if x == y => Ok(x),
        (1, other) | (other, 1) => Ok(other),
        _ => Err(Fault::new(format!("arrays of shapes {a:?} and {b:?} do not go together"))),
    });
    let common = common.collect::<Result<Vec<usize>, Fault>>()?;
    count(&common)?;
    Ok(common)
}

/// For each value of an array of shape `common`, where it lies in one of shape `own`.
pub fn places(own: &[usize], common: &[usize]) -> Result<Box<dyn Iterator<Item = usize>>, Fault> {
    let total = count(common)?;
    let length = count(own)?;
    if own == common || (own.iter().product::<usize>() == total && own.len() <= common.len()) {
        return Ok(Box::new(0..total));
    }
    if length == 1 {
        return Ok(Box::new(std::iter::repeat_n(0, total)));
    }
    if common.ends_with(own) && length > 0 {
        return Ok(Box::new((0..total).map(move |place| place % length)));
    }
    // How far apart neighbours lie along each side; 0 where a side is repeated.
    let mut strides = vec![0; common.len()];
    let mut stride = 1;
    for (place, &side) in own.iter().enumerate().rev() {
        strides[place + common.len() - own.len()] = if side == 1 { 0 } else { stride };
        stride *= side;
    }
    let common = common.to_vec();
    Ok(Box::new((0..total).map(move |mut place| {
        let mut at = 0;
        for (side, stride) in common.iter().zip(&strides).rev() {
            at += place % side * stride;
            place /= side;
        }
        at
    })))
}

/// The places of both sides, value by value.
pub fn pairs(
    a: &[usize],
    b: &[usize],
    common: &[usize],
) -> Result<impl Iterator<Item = (usize, usize)> + use<>, Fault> {
    Ok(places(a, common)?.zip(places(b, common)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_of_one_are_repeated() {
        assert_eq!(shape(&[3, 1], &[2]).unwrap(), [3, 2]);
        assert!(shape(&[3], &[2]).is_err());
        let at = |own: &[usize], common: &[usize]| places(own, common).unwrap().collect::<Vec<_>>();
        assert_eq!(at(&[3, 1], &[3, 2]), [0, 0, 1, 1, 2, 2]);
        assert_eq!(at(&[2], &[3, 2]), [0, 1, 0, 1, 0, 1]);
        assert_eq!(at(&[1, 2], &[2, 2]), [0, 1, 0, 1]);
        assert_eq!(at(&[], &[2, 2]), [0; 4]);
        assert_eq!(at(&[1, 3], &[0, 3]), [0; 0]);
    }
}
