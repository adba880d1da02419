namespace Presence.Tracker;

/// <summary>A node of <see cref="PersistentTree{T}"/>.</summary>
internal abstract class TreeNode<T>(EditToken edit)
    where T : class
{
    /// <summary>Most items of a leaf and most children of an inner node: a few cache lines, copied at once.</summary>
    protected const int Width = 32;

    /// <summary>Below this a node is joined with a neighbour if both fit into three quarters of one.</summary>
    protected const int Thin = Width / 4;

    /// <summary>Room for more in a new leaf.</summary>
    protected const int Few = 4;

    /// <summary>The edit that may write to this node.</summary>
    protected EditToken Edit { get; } = edit;

    /// <summary>Items below.</summary>
    public abstract int Count { get; }

    /// <summary>Items or children in this node itself.</summary>
    public int Length { get; protected set; }

    /// <summary>A new node's lowest item: what its parent tells its left neighbour's items from.</summary>
    public abstract T Low { get; }

    public abstract (TreeNode<T> Node, TreeNode<T>? Split) Set<TProbe>(T item, TProbe probe, EditToken edit)
        where TProbe : struct, IProbe<T>;

    /// <summary>The node without the item; itself if the item was not there.</summary>
    public abstract TreeNode<T> Remove<TProbe>(TProbe probe, EditToken edit)
        where TProbe : struct, IProbe<T>;

    /// <summary>This node and its right neighbour in one; no item of the neighbour comes before <paramref name="low"/>.</summary>
    public abstract TreeNode<T> Join(TreeNode<T> right, T low, EditToken edit);

    protected static TItem[] Inserted<TItem>(ReadOnlySpan<TItem> from, int at, TItem item, int room)
    {
        var to = new TItem[Math.Min(Width, room)];
        from[..at].CopyTo(to);
        to[at] = item;
        from[at..].CopyTo(to.AsSpan(at + 1));
        return to;
    }

    protected static TItem[] Removed<TItem>(TItem[] from, int length, int at)
    {
        var to = new TItem[Math.Max(1, length - 1)];
        Array.Copy(from, to, at);
        Array.Copy(from, at + 1, to, at, length - at - 1);
        return to;
    }
}

internal sealed class LeafNode<T> : TreeNode<T>
    where T : class
{
    public LeafNode(EditToken edit, T[] items, int length)
        : base(edit)
    {
        Items = items;
        Length = length;
    }

    public T[] Items { get; private set; }

    public override int Count => Length;

    public override T Low => Items[0];

    public int LowerBound<TProbe>(TProbe probe)
        where TProbe : struct, IProbe<T>
    {
        int low = 0, high = Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (probe.CompareTo(Items[middle]) > 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    public override (TreeNode<T> Node, TreeNode<T>? Split) Set<TProbe>(T item, TProbe probe, EditToken edit)
    {
        var at = LowerBound(probe);
        if (at < Length && probe.CompareTo(Items[at]) == 0)
        {
            var same = Edit == edit ? this : new LeafNode<T>(edit, Items.AsSpan(0, Length).ToArray(), Length);
            same.Items[at] = item;
            return (same, null);
        }

        if (Length == Width)
        {
            return Split(item, at, edit);
        }

        if (Edit != edit)
        {
            // A little room: the next change of the same edit is written in place.
            var room = Length + (Length < Few ? 1 : Few);
            return (new LeafNode<T>(edit, Inserted<T>(Items.AsSpan(0, Length), at, item, room), Length + 1), null);
        }

        if (Length == Items.Length)
        {
            // Changes of one edit are often neighbours: where some came, more will.
            Items = Inserted<T>(Items.AsSpan(0, Length), at, item, Length + Math.Max(Few, Length));
        }
        else
        {
            Array.Copy(Items, at, Items, at + 1, Length - at);
            Items[at] = item;
        }

        Length++;
        return (this, null);
    }

    public override TreeNode<T> Remove<TProbe>(TProbe probe, EditToken edit)
    {
        var at = LowerBound(probe);
        if (at == Length || probe.CompareTo(Items[at]) != 0)
        {
            return this;
        }

        if (Edit != edit)
        {
            return new LeafNode<T>(edit, Removed(Items, Length, at), Length - 1);
        }

        Array.Copy(Items, at + 1, Items, at, Length - at - 1);
        Items[--Length] = null!;
        return this;
    }

    public override TreeNode<T> Join(TreeNode<T> right, T low, EditToken edit)
    {
        var other = (LeafNode<T>)right;
        var items = new T[Length + other.Length];
        Array.Copy(Items, items, Length);
        Array.Copy(other.Items, 0, items, Length, other.Length);
        return new LeafNode<T>(edit, items, items.Length);
    }

    private (TreeNode<T> Node, TreeNode<T>? Split) Split(T item, int at, EditToken edit)
    {
        // Keys that only grow (the common order of ids) fill their leaves instead of leaving halves behind.
        var half = at == Width ? Width - 1 : Width / 2;
        ReadOnlySpan<T> items = Items.AsSpan(0, Width);
        var lower = items[..half];
        var upper = items[half..];
        return at <= half && at < Width
            ? (new LeafNode<T>(edit, Inserted(lower, at, item, half + (2 * Few)), half + 1),
                new LeafNode<T>(edit, upper.ToArray(), upper.Length))
            : (new LeafNode<T>(edit, lower.ToArray(), half),
                new LeafNode<T>(edit, Inserted(upper, at - half, item, upper.Length + (2 * Few)), upper.Length + 1));
    }
}

internal sealed class InnerNode<T> : TreeNode<T>
    where T : class
{
    private T[] _lows;
    private int _count;

    public InnerNode(EditToken edit, TreeNode<T> left, TreeNode<T> right)
        : this(edit, [left, right], [left.Low, right.Low], 2)
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

    /// <summary>The child that holds what the probe looks for, if any does.</summary>
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
        var mine = Mine(edit);
        mine.Children[at] = child;
        mine._count += child.Count - before;
        if (split is null)
        {
            return (mine, null);
        }

        mine._count += split.Count;
        return mine.Insert(at + 1, split, edit);
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

        var mine = Mine(edit);
        mine._count--;
        if (child.Count == 0)
        {
            mine.Take(at);
            return mine;
        }

        mine.Children[at] = child;
        if (child.Length <= Thin)
        {
            mine.JoinAround(at, edit);
        }

        return mine;
    }

    public override TreeNode<T> Join(TreeNode<T> right, T low, EditToken edit)
    {
        var other = (InnerNode<T>)right;
        TreeNode<T>[] children = [.. Children.AsSpan(0, Length), .. other.Children.AsSpan(0, other.Length)];
        // A node's own first low is never compared, so it may be too high: the parent's is the true one.
        T[] lows = [.. _lows.AsSpan(0, Length), low, .. other._lows.AsSpan(1, other.Length - 1)];
        return new InnerNode<T>(edit, children, lows, children.Length);
    }

    private InnerNode<T> Mine(EditToken edit) => Edit == edit
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

    private static TItem[] Inserted<TItem>(TItem[] from, int length, int at, TItem item, int most)
    {
        if (length < from.Length)
        {
            Array.Copy(from, at, from, at + 1, length - at);
            from[at] = item;
            return from;
        }

        var to = new TItem[Math.Min(most, length + 4)];
        Array.Copy(from, to, at);
        to[at] = item;
        Array.Copy(from, at, to, at + 1, length - at);
        return to;
    }

    private void Take(int at)
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
        Take(right);
    }
}
