namespace Presence.Tracker.Index;

/// <summary>An inner node of <see cref="PersistentTree{T}"/>.</summary>
internal sealed class InnerNode<T> : TreeNode<T>
    where T : class
{
    private T[] _lows;
    private int _count;

    public InnerNode(EditToken edit, TreeNode<T> left, TreeNode<T> right)
        : this(edit, [left, right], [left.Low, right.Low], 2)
    {
    }

    public InnerNode(EditToken edit, TreeNode<T>[] children)
        : this(edit, children, Array.ConvertAll(children, static child => child.Low), children.Length)
    {
    }

    private InnerNode(EditToken edit, TreeNode<T>[] children, T[] lows, int length)
        : base(edit)
    {
        Children = children;
        _lows = lows;
        Length = length;
        for (var i = 0; i < length; i++)
        {
            _count += children[i].Count;
        }
    }

    public TreeNode<T>[] Children { get; private set; }

    public override int Count => _count;

    public override T Low => _lows[0];

    /// <summary>Returns the child that may contain the item equal to the probe.</summary>
    public int ChildFor<TProbe>(TProbe probe)
        where TProbe : struct, IProbe<T>
    {
        int low = 1, high = Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (probe.CompareTo(_lows[middle]) >= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    public override (TreeNode<T> Node, TreeNode<T>? Split) Set<TProbe>(T item, TProbe probe, EditToken edit)
    {
        var at = ChildFor(probe);
        var before = Children[at].Count;
        var (child, split) = Children[at].Set(item, probe, edit);
        var editable = Editable(edit);
        editable.Children[at] = child;
        editable._count += child.Count - before;
        if (split is null)
        {
            return (editable, null);
        }

        editable._count += split.Count;
        return editable.Insert(at + 1, split, edit);
    }

    public override TreeNode<T> Remove<TProbe>(TProbe probe, EditToken edit)
    {
        var at = ChildFor(probe);
        var before = Children[at].Count;
        var child = Children[at].Remove(probe, edit);
        if (child == Children[at] && child.Count == before)
        {
            return this;
        }

        var editable = Editable(edit);
        editable._count--;
        if (child.Count == 0)
        {
            editable.RemoveAt(at);
            return editable;
        }

        editable.Children[at] = child;
        if (child.Length <= Thin)
        {
            editable.JoinAround(at, edit);
        }

        return editable;
    }

    public override TreeNode<T> Join(TreeNode<T> right, T low, EditToken edit)
    {
        var other = (InnerNode<T>)right;
        TreeNode<T>[] children = [.. Children.AsSpan(0, Length), .. other.Children.AsSpan(0, other.Length)];
        // The first low of a node is never compared and may be too high; the parent has the right one.
        T[] lows = [.. _lows.AsSpan(0, Length), low, .. other._lows.AsSpan(1, other.Length - 1)];
        return new InnerNode<T>(edit, children, lows, children.Length);
    }

    private InnerNode<T> Editable(EditToken edit) => Edit == edit
        ? this
        : new InnerNode<T>(edit, this);

    private InnerNode(EditToken edit, InnerNode<T> from)
        : base(edit)
    {
        Children = from.Children.AsSpan(0, from.Length).ToArray();
        _lows = from._lows.AsSpan(0, from.Length).ToArray();
        Length = from.Length;
        _count = from._count;
    }

    private (TreeNode<T> Node, TreeNode<T>? Split) Insert(int at, TreeNode<T> child, EditToken edit)
    {
        Children = Inserted(Children, Length, at, child, Width + 1);
        _lows = Inserted(_lows, Length, at, child.Low, Width + 1);
        Length++;
        if (Length <= Width)
        {
            return (this, null);
        }

        var half = at == Width ? Width - 1 : Length / 2;
        return (
            new InnerNode<T>(edit, Children[..half], _lows[..half], half),
            new InnerNode<T>(edit, Children[half..Length], _lows[half..Length], Length - half));
    }

    private static TItem[] Inserted<TItem>(TItem[] from, int length, int at, TItem item, int max)
    {
        if (length < from.Length)
        {
            Array.Copy(from, at, from, at + 1, length - at);
            from[at] = item;
            return from;
        }

        var to = new TItem[Math.Min(max, length + 4)];
        Array.Copy(from, to, at);
        to[at] = item;
        Array.Copy(from, at, to, at + 1, length - at);
        return to;
    }

    private void RemoveAt(int at)
    {
        Array.Copy(Children, at + 1, Children, at, Length - at - 1);
        Array.Copy(_lows, at + 1, _lows, at, Length - at - 1);
        Length--;
        Children[Length] = null!;
        _lows[Length] = null!;
    }

    private void JoinAround(int at, EditToken edit)
    {
        var left = at > 0 ? at - 1 : at;
        var right = left + 1;
        if (right >= Length || Children[left].Length + Children[right].Length > Width * 3 / 4)
        {
            return;
        }

        Children[left] = Children[left].Join(Children[right], _lows[right], edit);
        RemoveAt(right);
    }
}
