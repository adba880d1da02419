global using System.Reflection;
global using System.Text.RegularExpressions;
global using Xunit;
